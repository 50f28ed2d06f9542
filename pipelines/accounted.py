"""The record of a run with what its models made of the past: what was set aside and why, which sites were watched."""

from dataclasses import replace

from pipelines.errors import Exit
from pipelines.judged import Account
from pipelines.past import Past
from pipelines.run import Failed, Run, scene_record


def accounted(run: Run, past: Past, account: Account) -> Run:
    """The record, whole.

    A scene of the past that could not be read makes a run partial like any other: with it a patch might not stand.
    """
    lost = {one.name: one for one in (*(Failed(f.scene_id, f.reason) for f in past.failures), *run.unreadable_scenes)}
    read = {str(scene["id"]) for scene in run.scenes}
    more = sorted((scene for scene in past.brought.values() if scene.id not in read), key=lambda scene: scene.id)
    whole = not (account.faults or lost)
    return replace(
        run,
        past_scenes=tuple(scene_record(scene) for scene in more),
        set_aside=account.dropped(),
        surveys_merged=dict(sorted(account.merged.items())),
        sites_merged=dict(sorted(account.sites_merged.items())),
        watched={name: dict(sorted(counts.items())) for name, counts in sorted(account.watched.items())},
        unreadable_scenes=tuple(lost[name] for name in sorted(lost)),
        notes=(*run.notes, *account.notes, *sorted(account.faults)),
        exit_code=run.exit_code if whole else Exit.PARTIAL,
        bytes_fetched=run.bytes_fetched + past.bytes_fetched,
        bytes_cached=run.bytes_cached + past.bytes_cached,
    )
