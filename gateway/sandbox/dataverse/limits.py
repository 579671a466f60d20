"""What Dataverse says when a caller exceeds a service protection limit.

Source: Dataverse, Service protection API limits.
"""

from gateway.sandbox.dataverse.errors import UNEXPECTED, DataverseError

TOO_MANY_REQUESTS = "0x80072322"
TOO_MUCH_TIME = "0x80072321"
TOO_MANY_AT_ONCE = "0x80072326"


def too_many_requests(limit: int, window_seconds: int) -> DataverseError:
    message = f"Number of requests exceeded the limit of {limit} over time window of {window_seconds} seconds."
    return DataverseError(429, TOO_MANY_REQUESTS, message)


def too_much_time(limit_milliseconds: int, window_seconds: int) -> DataverseError:
    message = (
        f"Combined execution time of incoming requests exceeded limit of {limit_milliseconds:,} milliseconds over time "
        f"window of {window_seconds} seconds. Decrease number of concurrent requests or reduce the duration of "
        "requests and try again later."
    )
    return DataverseError(429, TOO_MUCH_TIME, message)


def too_many_at_once(limit: int) -> DataverseError:
    return DataverseError(429, TOO_MANY_AT_ONCE, f"Number of concurrent requests exceeded the limit of {limit}.")


def server_error() -> DataverseError:
    return DataverseError(500, UNEXPECTED, "An unexpected error occurred.")
