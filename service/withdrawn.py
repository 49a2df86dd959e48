"""Items that a tenant took out of sale: they stay in the catalogue and are never recommended."""

from dataclasses import dataclass

from re2llm.database import Database


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The withdrawn items of all tenants. Blocking."""

    database: Database

    def of(self, tenant: str) -> list[str]:
        """List a tenant's withdrawn items by id."""
        rows = self.database.read(
            "SELECT item_id FROM withdrawn WHERE tenant = ? ORDER BY item_id", (tenant,)
        )
        return [str(item_id) for (item_id,) in rows]

    def add(self, tenant: str, item_id: str) -> None:
        """Withdraw an item; again changes nothing."""
        self.database.write(
            "INSERT INTO withdrawn VALUES (?, ?) ON CONFLICT DO NOTHING", (tenant, item_id)
        )

    def remove(self, tenant: str, item_id: str) -> bool:
        """Put an item back; false where it was not withdrawn."""
        sql = "DELETE FROM withdrawn WHERE tenant = ? AND item_id = ?"
        return self.database.write(sql, (tenant, item_id)) > 0
