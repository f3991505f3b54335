"""What workers tell about themselves: one log record an event, for people and for machines alike."""

import logging

Detail = int | float | str | bool


def tell(log: logging.Logger, event: str, sentence: str, **details: Detail) -> None:
    """Log an event at level INFO.

    `event` is its stable name, `sentence` is for people, `details` are for machines. Never pass a secret: no
    salt, key, password, or model that is not revealed.
    """
    log.info(sentence, extra={"event": event, "details": details})
