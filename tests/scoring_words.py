"""Scorecards of the tests that say every word of the language; made up, and far from any real score."""

HEAD = 'version = "1"\nlicence = "none"\nsource = { citation = "made up" }\n'
NUMBERS = HEAD + """
id = "numbers"
title = "Every way to take a number"
floor = 0.5
population = { age_below = 84 }
[evidence]
green = { codes = "t/kinds", category = "green" }
[[term]]
id = "first"
any = [{ from = "value", codes = "quantities/q1", take = "first", value = [{ above = 1.9, sex = "female" }, { at_most = 3 }] }]
points = 1
[[term]]
id = "latest"
any = [{ from = "value", codes = "quantities/q1", take = "latest", value = [{ below = 4 }], round_to = 0.5, within = "2 years" }]
points = 0.25
[[term]]
id = "per"
any = [{ from = "value", codes = "quantities/q2", take = "max", round_to = 0.5 }]
points_per = { each = 0.01, cap = 36.5 }
missing = { points = -1 }
[[term]]
id = "square"
all = [{ from = "person" }, "green"]
points_per = { each = 0.00012, form = "square", cap = 80 }
[[term]]
id = "log"
any = [{ from = "value", codes = "quantities/q1", take = "min" }]
points_per = { each = 0.7, form = "log" }
[[term]]
id = "best"
any = [{ from = "value", codes = "quantities/q1", take = "best_of_last:2" }]
bands = [{ below = 3, points = 0 }, { at_least = 3, points = 0.125 }]
[[term]]
id = "lowest"
any = [{ from = "value", codes = "quantities/q1", take = "best_of_last:3", best = "smallest", within = "2 years" }]
bands = [{ below = 3, points = 0.125 }, { at_least = 3, points = 2 }]
[[term]]
id = "change"
any = [{ from = "value", codes = "quantities/q2", take = "change", at_least = 2, round_to = 0.1 }]
bands = [{ at_most = -1, points = 1 }, { above = -1, below = 1, points = 0 }, { at_least = 1, points = 3 }]
[[term]]
id = "rounded"
any = [{ from = "value", codes = "quantities/q1", value = [{ at_least = 2, at_most = 3 }], round_to = 1 }]
points = 1
[[term]]
id = "input"
any = [{ from = "person", take = "input:imd" }]
bands = [{ below = 20, points = 0.5 }, { at_least = 20, points = 1 }]
[[term]]
id = "young"
any = [{ from = "person", value = [{ below = 60 }] }]
points = 1
[[term]]
id = "answer"
any = [{ from = "answer", codes = "t/question", answers = "t/answers", category = "2" }]
points = 1
[[term]]
id = "answers"
all = [{ from = "answer", codes = "t/question", answers = "t/answers", take = "latest" }, { codes = "t/one", take = "days" }]
bands = [{ below = 1, points = 0.5 }, { at_least = 1, points = 1 }]
[[band]]
label = "low"
below = 1
[[band]]
label = "one of three"
any_term = 3
[[band]]
label = "high"
at_least = 1
"""
LIMITS = HEAD + """
id = "limits"
title = "Years, ages, groups"
link = { divide_by = 8.429 }
[[term]]
id = "limited"
any = [{ codes = "t/limits", within = "18 months" }]
none = [{ codes = "t/one", before = "1 year" }]
points = 1
[[term]]
id = "twice"
any = [{ codes = "t/limits", take = "records" }]
at_least = 2
points = 1
[[term]]
id = "women"
any = [{ codes = "t/two", where = { sex = "female" } }]
points = 2
[[term]]
id = "grown"
any = [{ codes = "t/one", where = { age_at_event = { at_least = 58, below = 80 } } }, { codes = "t/two", within = "21 days" }]
points = 0.5
[[term]]
id = "one"
any = [{ codes = "t/one" }]
points = 0.5
[[term]]
id = "two"
any = [{ codes = "t/two", within = "1 year" }]
points = 0.75
[[term]]
id = "worse"
any = [{ codes = "t/kinds", category = "red" }]
points = 1
[[term]]
id = "bad"
any = [{ codes = "t/kinds", category = "blue" }]
points = 1.5
[[term]]
id = "zero"
any = [{ codes = "t/kinds", category = "green" }]
points = 0
[[term]]
id = "code now"
any = [{ codes = "t/kinds", category = "red", within = "2 years" }, { from = "value", codes = "quantities/q2", value = [{ below = 3 }] }]
points = 1
[[term]]
id = "value now"
any = [{ from = "value", codes = "quantities/q2", value = [{ at_least = 3 }] }]
points = 3
[[term]]
id = "part"
any = [{ codes = "t/one", take = "days" }]
bands = [{ below = 2, points = 1 }, { at_least = 2, points = 2.5 }]
[[term]]
id = "other part"
any = [{ codes = "t/two" }, { from = "value", codes = "quantities/q1", value = [{ above = 3 }] }]
points = 1
unless = ["zero"]
[[group]]
id = "ordered"
choose = "first"
terms = ["one", "two"]
missing = { points = 0.125 }
[[group]]
id = "worst"
choose = "worst"
terms = ["worse", "bad", "zero"]
[[group]]
id = "latest"
choose = "latest"
terms = ["value now", "code now"]
missing = "not_assessable"
[[group]]
id = "sub"
choose = "sum"
terms = ["part", "other part"]
bands = [{ below = 1.5, points = 0.25 }, { at_least = 1.5, below = 3, points = 1 }, { at_least = 3, points = 5 }]
[[band]]
label = "low"
at_most = 0.3
[[band]]
label = "high"
above = 0.3
"""
ASSESSED = HEAD + """
id = "assessed"
title = "Divided by what was assessed"
link = { divide_by = "assessed", minimum_share = 0.6 }
[[term]]
id = "coded"
any = [{ codes = "t/one" }]
points = 1
[[term]]
id = "number"
any = [{ from = "value", codes = "quantities/q1", value = [{ above = 3 }], within = "2 years" }]
points = 1
[[term]]
id = "latest"
any = [{ from = "value", codes = "quantities/q2", take = "latest", value = [{ below = 3 }] }]
points = 0.5
[[term]]
id = "both"
any = [{ from = "value", codes = "quantities/q1", take = "max", value = [{ above = 3 }] }]
all = [{ from = "value", codes = "quantities/q2" }]
none = [{ from = "answer", codes = "t/question", answers = "t/answers", category = "0" }]
points = 1
[[term]]
id = "either"
any = [{ codes = "t/two" }, { from = "value", codes = "quantities/q1", value = [{ above = 100 }] }]
points = 1
[[term]]
id = "needed"
any = [{ from = "answer", codes = "t/question", answers = "t/answers", take = "latest" }]
bands = [{ below = 1, points = 0 }, { at_least = 1, points = 1 }]
missing = { points = 0.75 }
[[term]]
id = "grade 1"
any = [{ codes = "t/two" }]
points = 1
[[term]]
id = "grade half"
any = [{ codes = "t/one" }]
points = 0.5
[[term]]
id = "worst number"
any = [{ from = "value", codes = "quantities/q1", take = "latest", value = [{ above = 4 }], within = "1 years" }]
all = [{ from = "value", codes = "quantities/q2" }]
points = 1
[[term]]
id = "worse number"
any = [{ from = "value", codes = "quantities/q1", value = [{ above = 2 }] }]
points = 0.5
[[group]]
id = "graded"
title = "One deficit of codes"
choose = "first"
terms = ["grade 1", "grade half"]
[[group]]
id = "graded number"
title = "One deficit of numbers"
choose = "latest"
terms = ["worst number", "worse number"]
[[band]]
label = "low"
below = 0.5
[[band]]
label = "high"
at_least = 0.5
"""
SET = HEAD + """
id = "set"
title = "One moment"
set = { within = "91 days" }
[[term]]
id = "q1"
any = [{ from = "value", codes = "quantities/q1", take = "set" }]
bands = [{ at_most = 2, points = 3 }, { above = 2, points = 0 }]
[[term]]
id = "q2"
all = [{ from = "value", codes = "quantities/q2", take = "set", value = [{ above = 3 }] }, { codes = "t/one" }]
points = 1
[[term]]
id = "answer"
any = [{ from = "answer", codes = "t/question", answers = "t/answers", take = "set", value = [{ at_least = 1 }] }]
points = 2
[[variant]]
id = "pair"
title = "Without the answer"
[[variant.term]]
id = "answer"
any = [{ codes = "t/two" }]
points = 4
[[variant.band]]
label = "all"
"""
LEFT = HEAD + """
id = "left"
title = "At the discharge"
index = { at = "last_discharge", within = "2 years" }
needs = ["hospital"]
link = { logistic = { intercept = -2.5 } }
[[term]]
id = "age"
any = [{ from = "person" }]
points_per = { each = 0.00006, form = "square" }
[[term]]
id = "before"
any = [{ from = "stay", stay = { admission = "emergency" }, within = "1 year" }]
points_per = { each = 0.1215, cap = 2 }
[[term]]
id = "emergency"
any = [{ from = "stay", stay = { admission = "emergency", index = true } }]
points = 0.5565
[[term]]
id = "length"
any = [{ from = "stay", stay = { index = true }, take = "length_of_stay" }]
bands = [{ below = 1, points = 0 }, { at_least = 1, below = 4, points = 1 }, { at_least = 4, points = 2 }]
[[term]]
id = "long"
any = [{ from = "stay", stay = { index = true }, take = "length_of_stay", value = [{ at_least = 3 }] }]
points = 1
[[term]]
id = "where"
any = [{ from = "stay", stay = { index = true }, take = "provider" }]
lookup = { file = "p.csv", key = "trust", points = "points", default = -0.1155 }
[[term]]
id = "diagnosis"
any = [{ codes = "t/two", feed = "hospital", within = "1 year" }]
points = 0.25
[[term]]
id = "in it"
any = [{ codes = "t/one", feed = "hospital", stay = { index = true } }]
points = 0.25
[[term]]
id = "measured in it"
any = [{ from = "value", codes = "quantities/q1", stay = { index = true }, take = "latest" }]
bands = [{ below = 3, points = 1 }, { at_least = 3, points = 0 }]
[[term]]
id = "medicines"
any = [{ from = "issue", take = "distinct:substance", within = "90 days" }]
points_per = { each = 0.1 }
[[band]]
label = "low"
below = 0.3
[[band]]
label = "high"
at_least = 0.3
"""
MEDICINES = HEAD + """
id = "medicines"
title = "What is prescribed"
link = { survival = { baseline = 0.9, horizon = "1 year", mean = 1.5 } }
[[term]]
id = "paragraphs"
any = [{ from = "issue", take = "distinct:bnf_paragraph" }]
points_per = { each = 0.5 }
[[term]]
id = "named"
any = [{ from = "issue", codes = "t/named", within = "1 year" }]
lookup = { file = "m.csv", key = "key", points = "points" }
[[band]]
label = "low"
below = 0.25
[[band]]
label = "high"
at_least = 0.25
[[variant]]
id = "known"
title = "Only where every medicine is known"
needs = ["substances", "bnf"]
[[variant]]
id = "unmapped"
title = "Where what is not known could change the band"
link = "identity"
needs = ["substances"]
unmapped = { each = 0.75 }
[[variant.band]]
label = "low"
below = 1
[[variant.band]]
label = "high"
at_least = 1
"""
STAYS = HEAD + """
id = "stays"
title = "Stays of a kind"
needs = ["hospital"]
population = { age_at_least = 40 }
[[term]]
id = "stays"
any = [{ from = "stay", stay = { setting = ["inpatient", "emergency"] }, within = "2 years" }]
bands = [{ below = 2, points = 1 }, { at_least = 2, points = 2 }]
[[term]]
id = "days"
any = [{ from = "stay", take = "days", at_least = 2, where = { age_at_event = { at_least = 59 } } }]
points = 1
"""
OFF = HEAD + """
id = "off"
title = "What nobody has"
status = "not_available"
missing = ["the coefficients are not public"]
"""
FILES = {"numbers": NUMBERS, "limits": LIMITS, "assessed": ASSESSED, "set": SET, "left": LEFT, "medicines": MEDICINES, "stays": STAYS,
         "off": OFF}
IDS = [*FILES, "set_pair", "medicines_known", "medicines_unmapped"]
TABLES = {"p.csv": "trust,points\nRA1,0.276\nRC3,-0.5\nRZ9,1\n", "m.csv": "key,points\nanti,1\nopioid,2\npain,0.25\n"}
