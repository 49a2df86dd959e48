"""What Prometheus can read: requests, times, slates, feedback."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Meters:
    """Counts for one process; labels name routes, never people, sessions or items."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "re2llm_request_seconds",
            "Time until a request was answered in full.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.running = Gauge(
            "re2llm_requests_running", "Requests in progress.", registry=self.registry
        )
        self.slates = Counter(
            "re2llm_slates", "Slates served.", ("degraded",), registry=self.registry
        )
        self.turns = Counter(
            "re2llm_chat_turns", "Chat turns answered, by act.", ("act",), registry=self.registry
        )
        self.feedback = Counter(
            "re2llm_feedback", "Feedback accepted.", ("taken",), registry=self.registry
        )

        self.waiting = Gauge(
            "re2llm_reflections_waiting",
            "Errors that wait to be reflected on until the quota has room; of all replicas.",
            registry=self.registry,
        )

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self.registry)
