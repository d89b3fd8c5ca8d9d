"""How far each shard is landed: one small JSON file a shard, in a storage beside the lake, written after the batch's file is there.

A checkpoint is never ahead of what is landed, so losing one, or writing an older one, costs reading again and nothing else. The
folder is named by the stream and its day of birth: a stream that was deleted and made anew under its name is another stream.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from la_resources.storage import Storage


class Checkpoint(BaseModel):
    """How far a shard is landed.

    Attributes
    ----------
    shard : str
        The shard.
    sequence : str
        The last record that is landed; empty: none yet.
    arrived : str
        When that record arrived in the stream.
    drained : bool
        Whether the shard is closed and landed to its end; its children may be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shard: str
    sequence: str = ""
    arrived: str = ""
    drained: bool = False


class Checkpoints:
    """The checkpoints of one stream.

    Parameters
    ----------
    storage : Storage
        Where they are kept: the lake's.
    stream : str
        The stream's name with its day of birth.
    """

    def __init__(self, storage: Storage, stream: str) -> None:
        self.storage = storage
        self.folder = f".streams/{stream}"

    def all(self) -> dict[str, Checkpoint]:
        """By shard.

        Raises
        ------
        ValueError
            If one cannot be understood; the message names its file.
        """
        found = {}
        for name, content in self.storage.get_all(self.folder, ".json").items():
            try:
                checkpoint = Checkpoint.model_validate_json(content)
            except ValidationError as error:
                raise ValueError(
                    f"{self.storage.location(f'{self.folder}/{name}')} is not a checkpoint: {error}. Remove it: the shard is read again "
                    "from the oldest record kept, and what is landed already counts once"
                ) from error
            found[checkpoint.shard] = checkpoint
        return found

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep a shard's checkpoint; it is on the disk when this returns."""
        self.storage.put(checkpoint.model_dump_json().encode(), f"{self.folder}/{checkpoint.shard}.json", durable=True)
