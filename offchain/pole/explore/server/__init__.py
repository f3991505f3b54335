"""Pages and their JSON twins over HTTP."""
