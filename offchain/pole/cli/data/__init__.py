"""`pole data`: data sets, what they disclose, and the budget of keys over them."""
