"""Requests to a node over HTTP: bounded in bytes and time, and sent where they are meant to go alone."""

import threading
from http import HTTPStatus
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from pole.adapters.node.answers import LongAnswerError, StatusError, UnansweredError
from pole.adapters.transport.loopback import proxies_for
from pole.adapters.transport.whole_answers import WholeAnswers

MAX_ANSWER_BYTES: Final = 2**26
"""Far more than the logs of a page of blocks take."""

LONG: Final = 2**20
"""Bytes of an answer that was under way: so much, and no end of it, and it was too long for its time."""

_CONNECT_WITHIN: Final = 5
_ANSWER_WITHIN: Final = 20
_CHUNK: Final = 2**16
_NO_ANSWERS: Final = frozenset({*range(300, 400), HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})
_HEADERS: Final = {"Content-Type": "application/json"}


class HttpPost:
    """Posts to one URL; threads may share it. Times are seconds."""

    def __init__(
        self, url: str, *, connect_within: float = _CONNECT_WITHIN, answer_within: float = _ANSWER_WITHIN
    ):
        self.url = url
        self._proxies = proxies_for(urlsplit(url).hostname or "")
        self._timeouts = (connect_within, answer_within)
        self._local = threading.local()

    def __call__(self, body: bytes) -> bytes:
        """Return the body of the answer.

        Raises UnansweredError where none comes in time or its status says that it is none, LongAnswerError
        where it is too long.
        """
        try:
            with self._session().post(
                self.url,
                body,
                headers=_HEADERS,
                timeout=self._timeouts,
                proxies=self._proxies,
                stream=True,
                # A node must not send us, and what we ask, to any other address.
                allow_redirects=False,
            ) as answer:
                return _content(answer)
        except (RequestException, HTTPError, HTTPException, OSError) as error:
            # By its name alone: its message has the URL, which may hold a key.
            raise UnansweredError(type(error).__name__) from error

    def _session(self) -> requests.Session:
        # requests' sessions are not safe among threads.
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            for scheme in ("http://", "https://"):
                self._local.session.mount(scheme, WholeAnswers(self._timeouts[1]))
        session: requests.Session = self._local.session
        return session


def _content(answer: requests.Response) -> bytes:
    status = answer.status_code
    if status in _NO_ANSWERS:
        raise UnansweredError(f"HTTP status {status}")
    content = bytearray()
    try:
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise LongAnswerError(f"the answer has over {MAX_ANSWER_BYTES} bytes")
    except (RequestException, HTTPError, HTTPException, OSError) as error:
        if len(content) < LONG:
            raise
        raise LongAnswerError(f"{type(error).__name__} after {len(content)} bytes") from error
    # With a status of its own some nodes send an error of JSON-RPC.
    if status != HTTPStatus.OK and not content.lstrip().startswith((b"{", b"[")):
        raise StatusError(f"HTTP status {status}")
    return bytes(content)
