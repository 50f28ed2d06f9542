"""`weixun rules`: the records that leads are held against."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # not against a circle: the records are read only when asked for
    from leads.rules.records import Clause, Rule

app = typer.Typer(help="The rules that leads are held against.", no_args_is_help=True, rich_markup_mode=None)

LIST_HELP = """List the rules: document, article, days in force, thresholds, source and confidence.

Confidence is H (the source was read), M (taken from a good second source) or V (still to be verified). V records are
shipped disabled and shown with --all only: nothing is compared with them.

\b
Examples:
  weixun rules list
  weixun rules list --all
  weixun rules list --json > rules.json
"""


@app.command("list", help=LIST_HELP)
def list_rules(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are disabled.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Load, print."""
    from leads.rules.records import load_rules

    rules = [rule for rule in load_rules() if rule.enabled or everything]
    if as_json:
        import json

        typer.echo(json.dumps([_row(rule) for rule in rules], ensure_ascii=False, indent=2))
        return
    for rule in rules:
        typer.echo(_text(rule))
    hidden = len(load_rules()) - len(rules)
    if hidden:
        typer.echo(f"{hidden} more are disabled until somebody verifies them: --all shows them")


def _row(rule: "Rule") -> dict[str, Any]:
    return {
        "id": rule.id,
        "enabled": rule.enabled,
        "kind": rule.kind,
        "document": rule.document,
        "article": rule.article,
        "title_zh": rule.title_zh,
        "title_en": rule.title_en,
        "effective_from": rule.effective_from.isoformat() if rule.effective_from else None,
        "effective_to": rule.effective_to.isoformat() if rule.effective_to else None,
        "detectors": list(rule.detectors),
        "ground": list(rule.ground),
        "thresholds": [_threshold(clause) for clause in rule.clauses if clause.threshold_mu or clause.threshold_m3],
        "confidence": rule.confidence,
        "source": rule.source,
        "verified": rule.verified_on.isoformat() if rule.verified_on else None,
    }


def _threshold(clause: "Clause") -> dict[str, Any]:
    return {"ground_zh": clause.ground_zh, "mu": clause.threshold_mu, "m3": clause.threshold_m3}


def _text(rule: "Rule") -> str:
    ended = f" to {rule.effective_to}" if rule.effective_to else ""
    days = f"from {rule.effective_from}{ended}" if rule.effective_from else "not in force"
    limits = [
        f"{clause.ground_zh} {_amounts(clause)}"
        for clause in rule.clauses
        if clause.threshold_mu or clause.threshold_m3
    ]
    read = f"read {rule.verified_on}" if rule.verified_on else "not read yet"
    lines = (
        f"{rule.id:<24} {rule.document} {rule.article}{'' if rule.enabled else '  DISABLED 停用'}",
        f"{'':<24} {rule.title_zh}  {rule.title_en}",
        f"{'':<24} {days}; {'; '.join(limits) or 'no threshold'}",
        f"{'':<24} confidence {rule.confidence}, {read}; {rule.source}",
    )
    return "\n".join(lines)


def _amounts(clause: "Clause") -> str:
    amounts = ((clause.threshold_mu, "亩"), (clause.threshold_m3, "m³"))
    return " / ".join(f"{amount:g} {unit}" for amount, unit in amounts if amount)
