"""The site: its practices, homes, feeds, requests, settings and sign-off, from site.toml and the workbook that it names."""

from frailty.site.model import (
    FEED_KINDS,
    REQUEST_AUDIENCES,
    SIGNATURES,
    TEAM_QUEUES,
    WEEKDAYS,
    Feed,
    Home,
    PracticeInfo,
    Request,
    Resident,
    Site,
    Team,
)
from frailty.site.read import check_site, load_site

__all__ = [
    "FEED_KINDS",
    "REQUEST_AUDIENCES",
    "SIGNATURES",
    "TEAM_QUEUES",
    "WEEKDAYS",
    "Feed",
    "Home",
    "PracticeInfo",
    "Request",
    "Resident",
    "Site",
    "Team",
    "check_site",
    "load_site",
]
