"""The HTTP side of the engine: partners call back here. Loopback unless told otherwise.

A callback is believed only if the partner of its domain signed these very bytes; then it writes
one row, and the case looks at the partner's own status (`activities.partners`). No answer repeats
anything of what was sent.
"""

from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException

from connectors.opendsr.messages import DOMAIN_HEADER, SIGNATURE_HEADER
from connectors.partner import PartnerAway, PartnerWrong
from connectors.registry import Systems
from schemas.partners import PartnerFault
from starter.health import Health, routes
from storage.database import ping
from storage.dispatches import called_back

log = structlog.get_logger(__name__)

CALLBACKS: Final = "/opendsr/callbacks"
MAX_BODY_BYTES: Final = 64 << 10
NO_TELEMETRY: Final = TelemetryConfig(
    tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False
)
"""FastAPI's own would send exception texts, and is on unless it is told."""


def http_api(systems: Systems, engine: AsyncEngine) -> FastAPI:
    """The application. OpenAPI pages would load scripts from elsewhere: there are none."""
    app = FastAPI(
        title="Data-subject requests", docs_url=None, redoc_url=None, openapi_url=None,
        redirect_slashes=False, telemetry=NO_TELEMETRY, max_body_size=MAX_BODY_BYTES,
        exception_handlers={
            HTTPException: _refused, RequestValidationError: _invalid, Exception: _failed,
        },
    )  # fmt: skip
    app.router.routes.extend(routes(Health({"database": lambda: ping(engine)})))

    @app.post(CALLBACKS, status_code=HTTPStatus.ACCEPTED)
    async def callback(request: Request) -> Response:
        """A partner tells where a request stands (OpenDSR 2.0, section 8.6).

        202: taken, also if it is no news; 401: not signed by a partner of ours.
        """
        domain = request.headers.get(DOMAIN_HEADER, "")
        partner = systems.partner_of(domain)
        if partner is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED)
        signature, body = request.headers.get(SIGNATURE_HEADER, ""), await request.body()
        try:
            told = await partner.read_callback(signature, body)
        except PartnerAway:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE) from None
        except PartnerWrong as wrong:
            unsigned = wrong.fault is not PartnerFault.MALFORMED
            status = HTTPStatus.UNAUTHORIZED if unsigned else HTTPStatus.BAD_REQUEST
            raise HTTPException(status) from None
        async with engine.begin() as conn:
            await called_back(conn, told.request, systems.names_of(domain), told.status)
        log.info("callback_taken", system=partner.facts.name, status=told.status)
        return Response(status_code=HTTPStatus.ACCEPTED)

    return app


async def _refused(_request: Request, refusal: Exception) -> Response:
    status = refusal.status_code if isinstance(refusal, HTTPException) else 500
    return _problem(status)


async def _invalid(_request: Request, _fault: Exception) -> Response:
    """Its own text would repeat the input, which is personal data here."""
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY)


async def _failed(_request: Request, _fault: Exception) -> Response:
    log.error("request_failed")
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def _problem(status: int) -> Response:
    """RFC 9457, without a detail."""
    body = f'{{"title": "{HTTPStatus(status).phrase}", "status": {int(status)}}}'
    return Response(body, status, media_type="application/problem+json")
