"""What torch's store keeps, in plain Python: each test's own says what it counts."""

from dataclasses import dataclass, field


@dataclass
class KeptStore:
    """Values by key, as bytes."""

    kept: dict[str, bytes] = field(default_factory=dict, kw_only=True)

    def set(self, key: str, value: str) -> None:
        self.kept[key] = value.encode()

    def get(self, key: str) -> bytes:
        return self.kept[key]

    def check(self, keys: list[str]) -> bool:
        return all(key in self.kept for key in keys)
