"""Admission risk: models learned from a site's own records, judged, and written as scorecards. Never needed at scoring time."""
