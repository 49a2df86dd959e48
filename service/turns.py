"""Chat turns that were begun and not ended, so that those of a replica that died are taken up."""

import json
from dataclasses import asdict, dataclass

from re2llm.database import Database
from re2llm.service.chat.state import ChatContext
from re2llm.service.claims import ALIVE, Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a shopper said, and all that is needed to answer it.

    Attributes:
        turn_id: names the message in the conversation, so that it is answered once.
    """

    turn_id: str
    message: str
    context: ChatContext

    @property
    def thread(self) -> str:
        """Name the conversation."""
        return f"{self.context.tenant}/{self.context.session_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The turns under way, of all replicas. Blocking."""

    database: Database
    claims: Claims

    def begin(self, turn: Turn) -> None:
        """Note a turn before it is worked on."""
        said = json.dumps({"message": turn.message, "context": asdict(turn.context)})
        self.database.write(
            f"INSERT INTO turns VALUES (?, ?, ?, {self.database.now})"
            " ON CONFLICT (turn_id) DO UPDATE SET owner = excluded.owner",
            (turn.turn_id, self.claims.owner, said),
        )

    def end(self, turn_id: str) -> None:
        """Forget a turn: it was answered, or its shopper was told why not."""
        self.database.write("DELETE FROM turns WHERE turn_id = ?", (turn_id,))

    def adopt(self) -> list[Turn]:
        """Take over the turns of replicas that died, the oldest first; each goes to one taker."""
        rows = self.database.read(
            "SELECT turn_id, owner, said FROM turns WHERE NOT EXISTS (SELECT 1 FROM claims WHERE"
            f" claims.name = ? || turns.owner AND claims.until >= {self.database.now}) ORDER BY at",
            (ALIVE,),
        )
        return [
            _turn(str(turn_id), str(said))
            for turn_id, owner, said in rows
            if self.database.write(
                "UPDATE turns SET owner = ? WHERE turn_id = ? AND owner = ?",
                (self.claims.owner, turn_id, owner),
            )
        ]


def _turn(turn_id: str, said: str) -> Turn:
    told = json.loads(said)
    about = told["context"]
    context = ChatContext(
        **{**about, "session": tuple(about["session"]), "exclude": tuple(about["exclude"])}
    )
    return Turn(turn_id=turn_id, message=told["message"], context=context)
