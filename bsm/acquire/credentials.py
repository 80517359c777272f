"""Keys and tokens, from the environment only: they stand in no config, lock or log.

``NCBI_API_KEY`` raises the rate that NCBI allows (E-utilities 3 to 10, Datasets 5 to 10 requests a second) and
``NCBI_EMAIL`` says whom to write to; ``HF_TOKEN`` is a reader's token of the Hugging Face hub. Which server gets which
follows from its name in the config, and only addresses on that server get it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from bsm.base.config.sources import Server

TOOL = "bsm-pipeline"
_NCBI_RATES = {"eutils": (3.0, 10.0), "datasets": (5.0, 10.0)}
"""Requests a second without and with a key (NLM KA-05317; README of NCBI Datasets)."""


def credentials(server: Server, url: str) -> dict[str, str]:
    """Headers for a request to ``url``; none where it leads away from the server (next page of a listing)."""
    if urlsplit(url).netloc != urlsplit(server.address).netloc or url.startswith("file:"):
        return {}
    if server.name == "huggingface" and (token := os.environ.get("HF_TOKEN")):
        return {"Authorization": f"Bearer {token}"}
    if server.name == "datasets" and (key := os.environ.get("NCBI_API_KEY")):
        return {"api-key": key}
    return {}


def eutils_fields(contact: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The fields that NCBI asks for in every query: tool, email and, where there is one, the key."""
    fields = {"tool": TOOL, "email": environment.get("NCBI_EMAIL") or contact,
              "api_key": environment.get("NCBI_API_KEY", "")}  # fmt: skip
    return {name: value for name, value in fields.items() if value}


def with_etiquette(server: Server) -> Server:
    """The server with its publisher's limit, where the config's is higher (a key raises it)."""
    if server.name not in _NCBI_RATES or server.address.startswith("file:"):
        return server
    without, with_key = _NCBI_RATES[server.name]
    has_key = bool(os.environ.get("NCBI_API_KEY"))
    rate = with_key if has_key else min(without, server.max_per_second)
    return server.model_copy(update={"max_per_second": rate})
