"""What erasing a person would do in a database: every row's fate, with those it depends on.

A row that a kept row refers to is kept with it. A row outside the plan that refers to a deleted
one loses its reference where the manifest says to what, and blocks the plan where it does not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.contract import Detached, ErasurePlan, PlannedRow, PlannedTable, RowKey
from connectors.declared import Constants, Erase
from connectors.sql.catalog import Connection
from connectors.sql.references import Link
from connectors.sql.rows import Reader, Row, RowId, in_order
from connectors.sql.search import Heaps
from connectors.sql.sets import by_leaf, differing
from connectors.sql.treatment import HOLD, Ground, Treatments

_CASCADES = "c"
_CUTS = ("n", "d")  # on delete set null, set default


@dataclass(frozen=True)
class Change:
    """Columns of a row that get another value."""

    row: Row
    columns: Constants


@dataclass(frozen=True)
class Keep:
    """A row that stays for a reason; `columns`: only these of it, empty: all."""

    row: Row
    ground: Ground
    columns: tuple[str, ...] = ()


@dataclass
class Fates:
    """What becomes of each row, by its id."""

    deleted: dict[RowId, Row] = field(default_factory=dict)
    changed: dict[RowId, Change] = field(default_factory=dict)
    kept: dict[RowId, Keep] = field(default_factory=dict)
    detached: dict[RowId, Change] = field(default_factory=dict)  # rows of others
    cut: set[tuple[str, str, str, RowId]] = field(default_factory=set)  # by the database itself
    doubtful: int = 0
    blocked: set[str] = field(default_factory=set)

    def plan(self) -> ErasurePlan:
        """As it is shown, approved and compared."""
        places: dict[tuple[str, str, str], dict[RowId, tuple[Row, PlannedRow]]] = {}
        for row, action, planned in self._planned():
            place = (row.table.schema, row.table.name, action)
            places.setdefault(place, {})[row.id] = (row, planned)
        return ErasurePlan(
            tables=tuple(
                PlannedTable.model_validate({
                    "schema_name": schema, "table": table, "action": action,
                    "rows": tuple(rows[r.id][1] for r in in_order(row for row, _ in rows.values())),
                })
                for (schema, table, action), rows in sorted(places.items())
            ),
            detached=self._detached(),
            doubtful=self.doubtful,
            blocked=tuple(sorted(self.blocked)),
        )  # fmt: skip

    def _planned(self) -> Iterator[tuple[Row, str, PlannedRow]]:
        for row in self.deleted.values():
            yield row, "delete", PlannedRow(key=row.key)
        for change in self.changed.values():
            columns = tuple(sorted(change.columns))
            yield change.row, "change", PlannedRow(key=change.row.key, columns=columns)
        for keep in self.kept.values():
            yield keep.row, "keep", _keeping(keep)

    def _detached(self) -> tuple[Detached, ...]:
        places = [(schema, table, column) for schema, table, column, _ in self.cut]
        for change in self.detached.values():
            table = change.row.table
            places += [(table.schema, table.name, column) for column in change.columns]
        return tuple(
            Detached(schema_name=schema, table=table, column=column, records=records)
            for (schema, table, column), records in sorted(Counter(places).items())
        )  # fmt: skip


def _keeping(keep: Keep) -> PlannedRow:
    ground = keep.ground
    return PlannedRow(
        key=keep.row.key, columns=tuple(sorted(keep.columns)), reason=ground.reason,
        explanation=ground.explanation, provision=ground.provision, until=ground.until,
    )  # fmt: skip


class Planner:
    """Plans for one person, within one transaction that sees one state of the database."""

    def __init__(self, connection: Connection, treatments: Treatments) -> None:
        self._connection = connection
        self._treatments = treatments
        self._layout = treatments.layout
        self._reader = Reader(connection, treatments.layout.catalog)
        self._fates = Fates()
        self._undeclared: dict[RowId, Row] = {}

    async def fates(self, heaps: Heaps, chosen: Sequence[RowKey]) -> Fates:
        """What becomes of the person's rows, and of the doubtful ones that were chosen."""
        own = heaps.taken(chosen)
        self._fates.doubtful = len(heaps.person) + len(heaps.perhaps) - len(own)
        self._sort(own)
        await self._find_changes(own)
        await self._keep_what_kept_rows_refer_to()
        await self._leave_what_others_use()
        await self._follow_cascades()
        await self._cut_references()
        for row in self._undeclared.values():
            self._fates.blocked.add(
                f"{row.table.label} holds rows of the person and no erase is declared for it"
            )
        return self._fates

    def _sort(self, rows: Iterable[Row]) -> None:
        """Whole rows: kept or deleted. A shared parent of which nothing is declared stays."""
        for row in rows:
            table, ground = self._treatments.table(row.leaf), self._treatments.ground(row)
            if table is None and row.shared_parent:
                continue
            if ground is not None:
                self._fates.kept[row.id] = Keep(row, ground)
            elif table is None:
                self._undeclared[row.id] = row
            elif table.erase is not Erase.CHANGE:
                self._fates.deleted[row.id] = row

    async def _find_changes(self, own: Iterable[Row]) -> None:
        """Columns that are not yet what they are changed to; held ones stay."""
        fates, catalog = self._fates, self._layout.catalog
        for leaf, rows in by_leaf([row for row in own if self._is_changed(row)]):
            held = self._treatments.held_columns(leaf)
            constants = self._erased_to(rows[0], self._layout.columns(leaf))
            for row, names in await differing(self._connection, catalog, rows, constants):
                columns = {n: constants[n] for n in names if n not in held}
                if columns:
                    fates.changed[row.id] = Change(row, columns)
                if held & set(names):
                    fates.kept[row.id] = Keep(row, HOLD, tuple(n for n in names if n in held))

    def _is_changed(self, row: Row) -> bool:
        table = self._treatments.table(row.leaf)
        return row.id not in self._fates.kept and table is not None and table.erase is Erase.CHANGE

    async def _keep_what_kept_rows_refer_to(self) -> None:
        """With the reason that lasts longest; a row that is kept for it can refer to others."""
        grounds: list[Ground] = []
        for keep in self._fates.kept.values():
            if keep.ground not in grounds:
                grounds.append(keep.ground)
        for ground in sorted(grounds, key=lambda ground: ground.lasts, reverse=True):
            while await self._keep_for(ground):
                pass

    async def _keep_for(self, ground: Ground) -> bool:
        """Whether another row has to stay."""
        fates, more = self._fates, False
        for link in self._layout.links:
            children = [
                keep.row for keep in fates.kept.values()
                if keep.ground == ground and self._covers(link.down.target.oid, keep.row)
                and (not keep.columns or set(keep.columns) & set(link.columns))
            ]  # fmt: skip
            for parent in await self._reader.following(link.down.turned, children):
                row = fates.deleted.pop(parent.id, None) or self._undeclared.pop(parent.id, None)
                if row is not None:
                    fates.kept[row.id] = Keep(row, ground)
                    more = True
        return more

    async def _leave_what_others_use(self) -> None:
        """A parent that was reached from many to one goes with the last that refers to it."""
        deleted = self._fates.deleted
        while used := [r for r in deleted.values() if r.upward and await self._is_used(r)]:
            for row in used:
                del deleted[row.id]

    async def _is_used(self, row: Row) -> bool:
        for link in self._layout.links:
            users = await self._referring(link, [row])
            if not all(self._is_cut(link, user) for user in users):
                return True
        return False

    async def _follow_cascades(self) -> None:
        """Rows of undeclared tables that the database deletes with those they refer to."""
        deleted, before = self._fates.deleted, -1
        while len(deleted) > before:
            before = len(deleted)
            for link in (link for link in self._layout.links if link.on_delete == _CASCADES):
                for row in await self._referring(link, deleted.values()):
                    if self._undeclared.pop(row.id, None) is not None:
                        deleted[row.id] = row

    async def _cut_references(self) -> None:
        """Rows outside the plan that refer to a deleted one."""
        for link in self._layout.links:
            for row in await self._referring(link, self._fates.deleted.values()):
                self._cut(link, row)

    def _cut(self, link: Link, row: Row) -> None:
        fates, table = self._fates, row.table
        constants = self._erased_to(row, link.columns)
        if constants:
            before = fates.detached.get(row.id, Change(row, {}))
            fates.detached[row.id] = Change(row, {**before.columns, **constants})
        elif self._is_cut(link, row):
            fates.cut.add((table.schema, table.name, ",".join(link.columns), row.id))
        elif link.on_delete is not None:
            fates.blocked.add(
                f"{table.label} refers to rows to be deleted ({link.down.hop}), from rows that are "
                "not the person's or of which no erase is declared"
            )

    def _is_cut(self, link: Link, row: Row) -> bool:
        """Whether the manifest or the database says what is left of the reference."""
        return bool(self._erased_to(row, link.columns)) or link.on_delete in _CUTS

    def _erased_to(self, row: Row, names: Iterable[str]) -> Constants:
        declared = self._layout.columns(row.leaf)
        return {n: declared[n].erase_to for n in names if n in declared and declared[n].is_erased}

    async def _referring(self, link: Link, rows: Iterable[Row]) -> list[Row]:
        """Rows that refer to these, stay, and keep the reference."""
        fates = self._fates
        parents = [row for row in rows if self._covers(link.down.source.oid, row)]
        return [
            row for row in await self._reader.following(link.down, parents)
            if row.id not in fates.deleted
            and not (row.id in fates.changed
                     and set(fates.changed[row.id].columns) & set(link.columns))
        ]  # fmt: skip

    def _covers(self, table: int, row: Row) -> bool:
        return self._layout.catalog.covers(table, row.leaf)
