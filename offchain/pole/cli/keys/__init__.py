"""`pole key-holder` and `pole data-node share`: secrets in shares."""
