"""Whether two names can be one person's. Letters keep their diacritics: ä is not a."""

import re
import unicodedata
from typing import Final

_BETWEEN: Final = re.compile(r"[\s,.;:/()\"\u2010-\u2015-]+")
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u00b4": "'", "`": "'"})


def words(name: str) -> frozenset[str]:
    """The words of a name: order, case, hyphens and kinds of apostrophe do not count."""
    text = unicodedata.normalize("NFC", name).casefold().translate(_APOSTROPHES)
    return frozenset(word for word in _BETWEEN.split(text) if word)


def compatible(one: str, other: str) -> bool:
    """Whether one name's words contain the other's. Without a name nothing contradicts."""
    ours, theirs = words(one), words(other)
    return ours <= theirs or theirs <= ours
