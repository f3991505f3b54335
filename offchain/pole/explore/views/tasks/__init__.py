"""Tasks: their pages, the specification that each asks for, and its drawing."""
