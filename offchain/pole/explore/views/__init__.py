"""What a page shows, as frozen values: one query function a page."""
