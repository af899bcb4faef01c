"""What an adapter remembers between runs, in memory."""

from collections.abc import Mapping


class Kept(dict[tuple[str, str], str]):
    """As the store keeps it: by kind and name."""

    def get(self, kind: str, name: str) -> str | None:  # type: ignore[override]
        """The text kept, or None."""
        return super().get((kind, name)) or None

    def put(self, kind: str, name: str, value: str) -> None:
        """Keep a text; the empty one forgets."""
        self[kind, name] = value

    def change(self, name: str, texts: Mapping[str, str]) -> None:
        """Keep texts of several kinds at once."""
        for kind, value in texts.items():
            self.put(kind, name, value)

    def all(self, kind: str) -> dict[str, str]:
        """Name -> text."""
        return {name: value for (each, name), value in self.items() if each == kind and value}
