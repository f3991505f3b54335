"""A network and a mapping layer that suit the data, and what plain learners reach on it."""
