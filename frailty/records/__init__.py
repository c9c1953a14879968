"""Records in, a store, arrays out."""
