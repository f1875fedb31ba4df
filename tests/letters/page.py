"""A page as a reader and as a strict parser see it."""

from xml.etree import ElementTree


class Page:
    """A rendered page; not well-formed ones do not parse."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.root = ElementTree.fromstring(html)

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join("".join(self.root.find("body").itertext()).split())  # type: ignore[union-attr]

    def section(self, part: str) -> str | None:
        """The text of the section with that id."""
        found = self.root.find(f".//section[@id='{part}']")
        return None if found is None else " ".join("".join(found.itertext()).split())

    def all(self, tag: str) -> list[ElementTree.Element]:
        """Every element of a kind."""
        return list(self.root.iter(tag))
