"""Every environment setting of a process, described. What the law needs is policy, not here.

Secrets are named by file; nothing secret shows in a `repr`.
"""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import BadInput
from schemas.steps import TASK_QUEUE

SHIPPED_CONFIG = Path(__file__).resolve().parents[1] / "config" / "mipro"


class Settings(BaseSettings):
    """The settings of this process, from its environment. An empty value counts as not set."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True,
        validate_by_name=True, validate_by_alias=True,
    )  # fmt: skip

    temporal_address: str | None = Field(
        None, alias="TEMPORAL_ADDRESS",
        description="host:port of a Temporal server. Default: the one that `dsr up` runs here.",
    )  # fmt: skip
    temporal_namespace: str | None = Field(
        None, alias="TEMPORAL_NAMESPACE",
        description="Temporal namespace of every run; runs of another one are not seen. Default: "
        "that of the engine of `dsr up`, else \"default\".",
    )  # fmt: skip
    database_url: SecretStr | None = Field(
        None, alias="DATABASE_URL",
        description="postgresql://... of the case database. Default: the one of `dsr up`.",
    )  # fmt: skip
    data: Path = Field(
        Path(".dsr"), alias="DSR_DATA",
        description="Folder of the embedded servers' state, of connection.json, and by default of "
        "keys and checkpoints. Every `dsr` started with the same folder uses the same engine.",
    )  # fmt: skip
    config: Path = Field(
        SHIPPED_CONFIG, alias="DSR_CONFIG",
        description="Folder of the controller: policy.yaml, staff.yaml, systems/, letters/.",
    )  # fmt: skip
    keys: Path | None = Field(
        None, alias="DSR_KEYS",
        description="Folder of the three key files (key-encryption.key, pepper.key, "
        "audit-signing.key). Default: DSR_DATA/keys. Without the first no case can be read again, "
        "without the second no person is recognised. Keep it away from the database's backups.",
    )  # fmt: skip
    audit_log: Path | None = Field(
        None, alias="DSR_AUDIT_LOG",
        description="File outside the database to which signed checkpoints are appended. Default: "
        "DSR_DATA/audit-checkpoints.jsonl. Best on storage that only grows.",
    )  # fmt: skip
    task_queue: str = Field(
        TASK_QUEUE, alias="DSR_TASK_QUEUE", min_length=1, max_length=200,
        description="The engine's own task queue: procedures, sweeps, and every system whose "
        "manifest names no other. A worker in a system's own network: worker.py --queue NAME.",
    )  # fmt: skip
    workflow_slots: int = Field(
        4 * (os.cpu_count() or 1), alias="DSR_WORKFLOW_SLOTS", ge=2, le=1_000,
        description="Workflow tasks at a time; default 4 a core. More: after a restart, when "
        "everything replays at once, tasks miss Temporal's limit of 2 seconds.",
    )  # fmt: skip
    activity_slots: int = Field(
        40, alias="DSR_ACTIVITY_SLOTS", ge=1, le=10_000,
        description="Activities at a time beyond which no new work is fetched; what requests "
        "underway go on with is taken all the same. More: in a burst all requests wait alike, "
        "instead of the youngest for the oldest. Fewer: a few systems that hang hold up the rest.",
    )  # fmt: skip
    max_cached_workflows: int = Field(
        1_000, alias="DSR_MAX_CACHED_WORKFLOWS", ge=0, le=100_000,
        description="Open runs kept in memory, about 180 KB each. Fewer than are active: replays "
        "cost up to a third of the throughput. 0: replay every task.",
    )  # fmt: skip
    waiting_patches: str = Field(
        "", alias="DSR_WAITING_PATCHES", pattern=r"^[\w.:-]+(,[\w.:-]+)*$|^$",
        description="Patches of procedures, by id, with commas between: this worker follows them "
        "in runs that have taken them, and begins them in no run. For a rolling update, until no "
        "older worker is left: it would fail the tasks of a run that has taken one. Default: none.",
    )  # fmt: skip
    graceful_shutdown_seconds: float = Field(
        10, alias="DSR_GRACEFUL_SHUTDOWN_SECONDS", ge=0, le=600,
        description="Seconds that running activities get to finish at a stop; then they are "
        "repeated elsewhere. Keep it below the time after which the process is killed.",
    )  # fmt: skip
    key_cache_seconds: float = Field(
        60, alias="DSR_KEY_CACHE_SECONDS", ge=0, le=3_600,
        description="Seconds that a case's key stays in memory. More: fewer unwraps, and a "
        "destroyed key lives on that much longer in this process.",
    )  # fmt: skip
    callback_url: str | None = Field(
        None, alias="DSR_CALLBACK_URL", pattern=r"^https?://[^\s]+$",
        description="URL under which partners reach `dsr serve`, with /opendsr/callbacks. Default: "
        "none; partners are polled only.",
    )  # fmt: skip
    health_address: str | None = Field(
        None, alias="DSR_HEALTH_ADDRESS", pattern=r"^[^\s:]+:\d{1,5}$",
        description="host:port at which a worker answers /live, /ready and /metrics, e.g. "
        "127.0.0.1:9465. Default: off.",
    )  # fmt: skip
    metrics_address: str | None = Field(
        None, alias="DSR_METRICS_ADDRESS", pattern=r"^[^\s:]+:\d{1,5}$",
        description="host:port of the Prometheus endpoint of Temporal's SDK, e.g. 127.0.0.1:9464. "
        "Default: off.",
    )  # fmt: skip
    traces_endpoint: str | None = Field(
        None, alias="DSR_TRACES_ENDPOINT", pattern=r"^https?://[^\s]+$",
        description="URL of a receiver of OpenTelemetry traces (OTLP over HTTP), e.g. "
        "http://127.0.0.1:4318/v1/traces. Default: off, and nothing of it is loaded.",
    )  # fmt: skip
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="DSR_LOG_LEVEL", description="Lowest level of our own log lines."
    )

    def given_database_url(self) -> str | None:
        """The configured case database, its password included."""
        return self.database_url.get_secret_value() if self.database_url else None

    def keys_path(self) -> Path:
        """Where the key files are."""
        return self.keys or self.data / "keys"

    def audit_log_path(self) -> Path:
        """Where checkpoints are appended."""
        return self.audit_log or self.data / "audit-checkpoints.jsonl"


def from_environment() -> Settings:
    """The settings of this process. Raises `BadInput` naming each wrong variable, never a value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise BadInput(f"A setting of the environment is wrong. {faults}") from None
