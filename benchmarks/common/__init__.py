"""What several measurements need: other revisions, and what a process takes."""
