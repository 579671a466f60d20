"""The rules for faults, over HTTP: which are in force, and how often each happened."""

from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.faults import Faults, Rule, Standing
from gateway.sandbox.switches.switch import InvalidRequestError, Switch, json_object, only

_EXAMPLE = '{"kind": "status", "status": 429, "rate": 0.1}'
_FIELDS = tuple(field.name for field in fields(Rule))


def faults_switch(faults: Faults) -> Switch:
    """`GET`, `PUT` (all), `POST` (one more) and `DELETE` of /faults."""

    async def show(_: Request) -> Response:
        return JSONResponse(_shown(faults))

    async def replace(request: Request) -> Response:
        wanted = await json_object(request, example=f'{{"seed": 7, "rules": [{_EXAMPLE}]}}')
        only(wanted, "seed", "rules")
        rules = wanted.get("rules", [])
        if not isinstance(rules, list):
            raise InvalidRequestError("rules must be a list of rules.")
        faults.use([_rule(one, f"rule {number}: ") for number, one in enumerate(rules, 1)], seed=_seed(wanted))
        return JSONResponse(_shown(faults))

    async def add(request: Request) -> Response:
        standing = faults.add(_rule(await json_object(request, example=_EXAMPLE)))
        return JSONResponse(_row(standing), 201)

    async def clear(_: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    return Switch(
        "faults",
        "GET, PUT, POST or DELETE /faults: what goes wrong with requests, and how often it did",
        [
            Route("/faults", show, methods=["GET"]),
            Route("/faults", replace, methods=["PUT"]),
            Route("/faults", add, methods=["POST"]),
            Route("/faults", clear, methods=["DELETE"]),
        ],
    )


def _shown(faults: Faults) -> dict[str, object]:
    return {"seed": faults.seed, "rules": [_row(standing) for standing in faults.standing]}


def _row(standing: Standing) -> dict[str, object]:
    """A rule as it was given, with its number and counts."""
    rule = {name: value for name, value in asdict(standing.rule).items() if value is not None}
    return {"number": standing.number, **rule, "matched": standing.matched, "fired": standing.fired}


def _rule(wanted: Any, where: str = "") -> Rule:
    if not isinstance(wanted, dict):
        raise InvalidRequestError(f"{where}A rule must be an object such as {_EXAMPLE}.")
    try:
        only(wanted, *_FIELDS)
        if "kind" not in wanted:
            raise ValueError("kind is missing.")
        return Rule(**wanted)
    except ValueError as error:
        raise InvalidRequestError(f"{where}{error}") from error


def _seed(wanted: dict[str, object]) -> int | None:
    seed = wanted.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise InvalidRequestError("seed must be a whole number.")
    return seed
