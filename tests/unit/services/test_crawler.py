# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.validate import validate_parameters

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError
from runners.job import Failed, Running, Succeeded
from runners.runner import Runner
from runners.services.crawler import (
    ENDING_STATES,
    FAILED,
    FAILED_STATES,
    IDLE_STATES,
    RUNNING_STATES,
    SUCCEEDED_STATES,
    Crawler,
)
from runners.settings import Settings
from tests.unit.doubles import Clock, FakeActivity, Faults, MemoryActiveJobs, active_job, client_error

NOW = Clock().now


class CrawlersDouble:
    """Glue's client over crawlers whose crawls end when a test says so."""

    def __init__(self):
        self.meta = boto3.client("glue").meta
        self.call = Faults()
        self.crawlers = {}
        self.crawls = {}  # by crawler, newest first
        self.batches = []
        self.hidden = set()

    def _made(self, operation, call, effect):
        validate_parameters(call, self.meta.service_model.operation_model(operation).input_shape)
        return self.call(operation, effect)

    def batch_get_crawlers(self, CrawlerNames):
        def effect():
            self.batches.append(len(CrawlerNames))
            assert len(set(CrawlerNames)) == len(CrawlerNames) <= 100
            return {
                "Crawlers": [dict(self.crawlers[name]) for name in CrawlerNames if name in self.crawlers],
                "CrawlersNotFound": [name for name in CrawlerNames if name not in {*self.crawlers, *self.hidden}],
            }

        return self._made("BatchGetCrawlers", {"CrawlerNames": CrawlerNames}, effect)

    def start_crawler(self, Name):
        def effect():
            if Name not in self.crawlers:
                raise client_error("EntityNotFoundException", "no such crawler")
            if self.crawlers[Name]["State"] != "READY":
                raise client_error("CrawlerRunningException", "already running")
            self.begin(Name)
            return {}

        return self._made("StartCrawler", {"Name": Name}, effect)

    def stop_crawler(self, Name):
        def effect():
            if self.crawlers[Name]["State"] == "READY":
                raise client_error("CrawlerNotRunningException")
            self.crawlers[Name]["State"] = "STOPPING"
            return {}

        return self._made("StopCrawler", {"Name": Name}, effect)

    def list_crawls(self, CrawlerName, MaxResults):
        def effect():
            assert MaxResults <= 100
            return {"Crawls": self.crawls[CrawlerName][:MaxResults]}

        return self._made("ListCrawls", {"CrawlerName": CrawlerName, "MaxResults": MaxResults}, effect)

    # What a test does

    def add(self, name="sales"):
        self.crawlers[name] = {"Name": name, "State": "READY", "DatabaseName": "lake"}
        self.crawls[name] = []

    def begin(self, name="sales"):
        """Let a crawl begin, a minute after the one before."""
        assert self.crawlers[name]["State"] == "READY"
        self.crawlers[name]["State"] = "RUNNING"
        number = len(self.crawls[name])
        start = NOW + timedelta(minutes=number)
        crawl = {"CrawlId": f"id-{number}", "MessagePrefix": f"id-{number}", "State": "RUNNING", "StartTime": start}
        self.crawls[name].insert(0, crawl)

    def end(self, name="sales", status="SUCCEEDED", last=(), **crawl):
        """Let the crawl end; only then it becomes the last crawl."""
        newest = self.crawls[name][0]
        newest |= {"State": "COMPLETED", "EndTime": newest["StartTime"] + timedelta(seconds=30)} | crawl
        kept = {"Status": status, "StartTime": newest["StartTime"], "MessagePrefix": newest["MessagePrefix"]}
        self.crawlers[name] |= {"State": "READY", "LastCrawl": kept | dict(last)}


@pytest.fixture
def client():
    client = CrawlersDouble()
    client.add()
    return client


@pytest.fixture
def crawler(client):
    return Crawler(client)


def job_of(number=0, name="sales"):
    return active_job(number, runner="crawler", request={"CrawlerName": name})


def marked(crawler, number=0, name="sales"):
    job = job_of(number, name)
    return job.marked(json.loads(json.dumps(crawler.mark(job))), None)


def started(crawler, number=0, name="sales"):
    """What the runner does for a job: mark, start, record."""
    job = marked(crawler, number, name)
    return job.started(crawler.start(job))


def status_of(crawler, job):
    return crawler.describe([job])[job.task_key]


# Requests


def test_a_crawler_s_name_is_all_there_is_to_say(crawler):
    crawler.validate({"CrawlerName": "sales"})


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "CrawlerName", "Field required"),
        ({"CrawlerName": ""}, "CrawlerName", "at least 1"),
        ({"CrawlerName": "x" * 256}, "CrawlerName", "at most 255"),
        ({"CrawlerName": 5}, "CrawlerName", "valid string"),
        ({"CrawlerName": "sales", "Targets": "hush"}, "Targets", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(crawler, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        crawler.validate(request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


# Starting and joining


def test_a_crawler_that_does_not_run_is_started(crawler, client):
    job = started(crawler)
    assert job.run_id == "sales"
    assert client.crawlers["sales"]["State"] == "RUNNING"
    assert crawler.singleton(job) is None


def test_a_running_crawler_is_joined_not_failed(crawler, client):
    client.begin()
    assert started(crawler).run_id == "sales"
    assert client.call.calls["StartCrawler"] == 0


def test_two_jobs_that_come_at_once_share_one_crawl(crawler, client):
    first, second = marked(crawler, 0), marked(crawler, 1)
    crawler.start(first)
    with pytest.raises(StartLaterError, match="CrawlerRunningException"):
        crawler.start(second)
    second = started(crawler, 1)  # its mark is taken anew
    client.end()
    statuses = crawler.describe([first.started("sales"), second])
    assert [status.output["Joined"] for status in statuses.values()] == [False, True]
    assert client.call.calls["StartCrawler"] == 2
    assert len(client.crawls["sales"]) == 1


def test_a_runner_s_jobs_share_a_crawl_that_began_between_their_marks_and_their_starts(crawler, client, clock):
    activity = FakeActivity(Faults())
    table, own = MemoryActiveJobs(Faults()), Settings(active_jobs_table="table")
    processes = [Runner(crawler, activity, table, own, now=clock) for _ in range(2)]
    tasks = [activity.hand_out('{"CrawlerName": "sales"}') for _ in range(2)]
    client.call.before("StartCrawler", client_error("CrawlerRunningException"))
    for process, task in zip(processes, tasks, strict=True):
        process.take(task)
    assert len(client.crawls["sales"]) == 1
    clock.step(60)
    processes[0].sweep()  # the first of them joins the crawl of the second
    client.end()
    clock.step(60)
    processes[0].sweep()
    assert [activity.outcomes[task.token].output["Joined"] for task in tasks] == [True, False]
    assert len(client.crawls["sales"]) == 1


def test_a_crawl_that_is_ending_is_not_joined(crawler, client):
    client.begin()
    client.crawlers["sales"]["State"] = "STOPPING"
    with pytest.raises(StartLaterError, match="the crawler sales is ending a crawl"):
        crawler.mark(job_of())


@pytest.mark.parametrize(
    "code", ["CrawlerStoppingException", "ResourceNumberLimitExceededException", "ThrottlingException"]
)
def test_a_crawler_that_cannot_be_started_now_is_started_later(crawler, client, code):
    client.call.before("StartCrawler", client_error(code), times=3)
    with pytest.raises(StartLaterError, match=code):
        started(crawler)


def test_a_start_that_was_throttled_for_a_moment_is_repeated(crawler, client):
    client.call.before("StartCrawler", client_error("ThrottlingException"), times=2)
    started(crawler)
    assert len(client.crawls["sales"]) == 1


def test_a_start_that_never_reached_glue_is_made_later(crawler, client):
    client.call.before("StartCrawler", ConnectTimeoutError(endpoint_url="https://glue"), times=3)
    with pytest.raises(StartLaterError, match="cannot be reached"):
        started(crawler)


def test_a_crawler_that_there_is_not_is_refused(crawler):
    with pytest.raises(StartRefusedError) as caught:
        crawler.mark(job_of(name="other"))
    assert caught.value.error == FAILED == "GlueCrawlerFailedError"
    assert caught.value.cause == {
        "CrawlerName": "other",
        "CrawlStatus": "NOT_STARTED",
        "ErrorMessage": "Glue knows no crawler of this name",
    }


def test_a_crawler_that_is_deleted_before_its_start_is_refused(crawler, client):
    job = marked(crawler)
    del client.crawlers["sales"]
    with pytest.raises(StartRefusedError, match="no such crawler"):
        crawler.start(job)


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://glue"), client_error("OperationTimeoutException")]
)
def test_an_unclear_start_is_neither_repeated_nor_called_refused_or_put_off(crawler, client, error):
    client.call.after("StartCrawler", error)
    with pytest.raises(type(error)):
        started(crawler)
    assert client.call.calls["StartCrawler"] == 1


# Finding


def test_a_job_without_a_mark_was_never_started(crawler):
    assert crawler.find(job_of()) is None


def test_a_crawl_that_began_since_the_mark_is_found_while_it_is_on_and_when_it_is_over(crawler, client):
    job = marked(crawler)
    assert crawler.find(job) is None
    client.call.after("StartCrawler", ReadTimeoutError(endpoint_url="https://glue"))
    with pytest.raises(ReadTimeoutError):
        crawler.start(job)
    assert crawler.find(job) == "sales"
    client.crawlers["sales"]["State"] = "STOPPING"
    assert crawler.find(job) == "sales"
    client.end()
    assert crawler.find(job) == "sales"


def test_an_earlier_crawl_is_not_taken_for_the_job_s(crawler, client):
    client.begin()
    client.end()
    assert crawler.find(marked(crawler)) is None


def test_a_job_that_joins_has_nothing_to_be_found_and_joins_again(crawler, client):
    client.begin()
    job = marked(crawler)
    assert crawler.find(job) is None
    assert crawler.start(job) == "sales"


def test_nothing_is_found_of_a_crawler_that_is_gone(crawler, client):
    job = marked(crawler)
    del client.crawlers["sales"]
    assert crawler.find(job) is None


# States


def test_every_state_of_glue_s_enums_is_decided_once(client):
    shape = client.meta.service_model.shape_for
    of_crawler = Counter([*IDLE_STATES, *RUNNING_STATES, *ENDING_STATES])
    of_crawl = Counter([*SUCCEEDED_STATES, *FAILED_STATES])
    assert set(of_crawler) == set(shape("CrawlerState").enum)
    assert set(of_crawl) == set(shape("LastCrawlStatus").enum)
    assert set((of_crawler + of_crawl).values()) == {1}


def test_a_crawl_is_over_when_the_crawler_is_ready_again_and_not_before(crawler, client):
    job = started(crawler)
    assert status_of(crawler, job) == Running("RUNNING")
    client.crawlers["sales"]["State"] = "STOPPING"
    assert status_of(crawler, job) == Running("STOPPING")
    client.end()
    assert isinstance(status_of(crawler, job), Succeeded)


def test_an_earlier_crawl_s_end_is_not_the_job_s(crawler, client):
    client.begin()
    client.end(status="FAILED")
    job = started(crawler)
    client.crawlers["sales"]["State"] = "READY"  # as long as Glue has not noticed the start, or the end
    assert status_of(crawler, job) == Running("READY")
    client.crawlers["sales"]["State"] = "RUNNING"
    assert status_of(crawler, job) == Running("RUNNING")
    client.end()
    assert isinstance(status_of(crawler, job), Succeeded)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
@pytest.mark.parametrize(("last", "message"), [({"ErrorMessage": "no right"}, "no right"), ({}, "the crawl ended as")])
def test_a_crawl_that_did_not_succeed_fails_its_task_with_what_glue_said(crawler, client, status, last, message):
    job = started(crawler)
    client.end(status=status, last=last)
    failed = status_of(crawler, job)
    assert failed.error == "GlueCrawlerFailedError"
    assert (failed.cause["CrawlerName"], failed.cause["CrawlStatus"]) == ("sales", status)
    assert message in failed.cause["ErrorMessage"]
    assert failed.cause["CrawlId"] == "id-0"
    assert "ConsoleLink" in failed.cause


def test_a_status_that_glue_gets_later_is_taken_as_running(crawler, client):
    job = started(crawler)
    client.end(status="PONDERING")
    assert status_of(crawler, job) == Running("PONDERING")


def test_a_crawler_that_glue_does_not_know_any_more_fails_its_tasks(crawler, client):
    jobs = [started(crawler, 0), started(crawler, 1)]
    del client.crawlers["sales"]
    statuses = crawler.describe(jobs)
    assert [status.cause["CrawlStatus"] for status in statuses.values()] == ["UNKNOWN", "UNKNOWN"]


# Outputs

SUMMARY = {
    "TABLE": json.dumps({"ADD": json.dumps({"Details": '{"names": ["a", "b"]}', "Count": 2}), "UPDATE": {"Count": 1}}),
    "PARTITION": {"DELETE": {"Count": 4}},
}


def test_the_output_tells_what_the_crawl_did(crawler, client):
    job = started(crawler)
    logs = {"LogGroup": "/aws-glue/crawlers", "LogStream": "sales"}
    client.end(last=logs, Summary=json.dumps(SUMMARY), DPUHour=0.25)
    output = status_of(crawler, job).output
    links = {name: output.pop(name) for name in ("ConsoleLink", "LogsLink")}
    assert output == {
        "CrawlerName": "sales",
        "CrawlStatus": "SUCCEEDED",
        "DatabaseName": "lake",
        "CrawlId": "id-0",
        "CrawlStartTime": "2026-01-31T04:05:06+00:00",
        "CrawlEndTime": "2026-01-31T04:05:36+00:00",
        "CrawlSeconds": 30.0,
        "DPUHours": 0.25,
        "TablesCreated": 2,
        "TablesUpdated": 1,
        "TablesDeleted": 0,
        "PartitionsCreated": 0,
        "PartitionsUpdated": 0,
        "PartitionsDeleted": 4,
        "Joined": False,
    }
    assert links["ConsoleLink"].endswith("region=us-east-1#/v2/data-catalog/crawlers/view/sales")
    assert "$252Faws-glue$252Fcrawlers/log-events/sales" in links["LogsLink"]
    json.dumps(output)


@pytest.mark.parametrize(
    ("summary", "created", "partitions"),
    [
        ("{}", 0, 0),
        ("no JSON", None, None),
        ("[]", None, None),
        ('{"TABLE": 5}', None, 0),
        ('{"TABLE": {"ADD": "x"}}', None, 0),
        ('{"TABLE": {"ADD": {"Count": "2"}}}', None, 0),
    ],
)
def test_what_a_summary_does_not_tell_in_a_known_way_is_null_and_not_nothing(
    crawler, client, summary, created, partitions
):
    job = started(crawler)
    client.end(Summary=summary)
    output = status_of(crawler, job).output
    assert (output["TablesCreated"], output["PartitionsCreated"]) == (created, partitions)


def test_a_crawl_that_is_complete_without_a_summary_has_changed_nothing(crawler, client):
    job = started(crawler)
    client.end()
    output = status_of(crawler, job).output
    assert output["TablesCreated"] == output["PartitionsDeleted"] == 0


def test_what_a_crawl_that_failed_without_a_summary_has_changed_is_not_known(crawler, client):
    job = started(crawler)
    client.end(status="FAILED", State="FAILED")
    assert status_of(crawler, job).cause["TablesCreated"] is None


def test_the_details_are_those_of_the_crawl_that_is_over_even_if_another_is_on_the_list(crawler, client):
    job = started(crawler)
    client.end(Summary='{"TABLE": {"ADD": {"Count": 3}}}')
    client.crawls["sales"].insert(0, {"CrawlId": "newer", "MessagePrefix": "newer", "Summary": "{}"})
    assert status_of(crawler, job).output["TablesCreated"] == 3


@pytest.mark.parametrize(
    "error", [client_error("AccessDeniedException"), ReadTimeoutError(endpoint_url="https://glue")]
)
def test_a_result_is_not_held_up_for_the_lack_of_its_details(crawler, client, error):
    job = started(crawler)
    client.end(Summary="{}")
    client.call.before("ListCrawls", error, times=5)
    output = status_of(crawler, job).output
    assert output["CrawlStartTime"] == "2026-01-31T04:05:06+00:00"
    assert output["TablesCreated"] is output["DPUHours"] is output["CrawlSeconds"] is None


def test_a_crawl_that_is_not_in_the_history_has_no_details(crawler, client):
    job = started(crawler)
    client.end(Summary="{}")
    client.crawls["sales"][0]["MessagePrefix"] = "another"
    output = status_of(crawler, job).output
    assert output["CrawlId"] is output["TablesCreated"] is None


def test_a_name_with_signs_of_its_own_makes_a_link_that_works(crawler, client):
    client.add("my crawler/1")
    job = started(crawler, name="my crawler/1")
    client.end("my crawler/1")
    assert status_of(crawler, job).output["ConsoleLink"].endswith("/view/my%20crawler%2F1")


# Asking for many


def test_a_hundred_crawlers_are_asked_for_in_one_call_and_each_once(crawler, client):
    jobs = []
    for number in range(150):
        client.add(f"c{number}")
        jobs += [job_of(2 * number + extra, f"c{number}").started(f"c{number}") for extra in (0, 1)]
    assert len(crawler.describe(jobs)) == 300
    assert client.batches == [100, 50]


def test_the_history_is_read_once_for_all_jobs_of_a_crawl(crawler, client):
    jobs = [started(crawler, 0), started(crawler, 1)]
    client.end()
    assert len(crawler.describe(jobs)) == 2
    assert client.call.calls["ListCrawls"] == 1


def test_a_job_whose_crawl_is_over_and_one_that_came_later_are_told_apart(crawler, client):
    first = started(crawler, 0)
    client.end()
    later = marked(crawler, 1).started("sales")
    statuses = crawler.describe([first, later])
    assert isinstance(statuses[first.task_key], Succeeded)
    assert statuses[later.task_key] == Running("READY")


def test_nothing_is_concluded_of_crawlers_that_glue_does_not_answer_about(crawler, client):
    client.add("other")
    jobs = [started(crawler), started(crawler, 1, "other")]
    client.call.before("BatchGetCrawlers", client_error("ThrottlingException"), times=5)
    assert crawler.describe(jobs) == {}
    del client.crawlers["other"]
    client.hidden.add("other")  # one that we may not see is neither there nor missing
    assert set(crawler.describe(jobs)) == {jobs[0].task_key}


def test_throttling_is_waited_out(crawler, client, naps):
    job = started(crawler)
    client.call.before("BatchGetCrawlers", client_error("ThrottlingException"), times=4)
    assert status_of(crawler, job) == Running("RUNNING")
    assert len(naps) == 4


# Stopping


def test_a_job_stops_the_crawl_that_it_has_started(crawler, client):
    crawler.stop([started(crawler)])
    assert client.crawlers["sales"]["State"] == "STOPPING"


def test_a_job_that_has_joined_never_stops_somebody_else_s_crawl(crawler, client):
    client.begin()
    crawler.stop([started(crawler)])
    assert client.crawlers["sales"]["State"] == "RUNNING"
    assert client.call.calls["StopCrawler"] == 0


def test_a_crawl_that_others_have_begun_since_is_not_stopped(crawler, client):
    job = started(crawler)
    client.end()
    client.begin()
    crawler.stop([job])
    assert client.crawlers["sales"]["State"] == "RUNNING"


@pytest.mark.parametrize("code", ["CrawlerNotRunningException", "CrawlerStoppingException", "EntityNotFoundException"])
def test_a_crawl_that_ends_at_that_moment_is_no_error(crawler, client, code):
    job = started(crawler)
    client.call.before("StopCrawler", client_error(code))
    crawler.stop([job])


def test_a_crawl_that_is_over_or_a_crawler_that_is_gone_is_no_error(crawler, client):
    client.add("gone")
    jobs = [started(crawler), started(crawler, 1, "gone")]
    client.end()
    del client.crawlers["gone"]
    crawler.stop(jobs)
    assert client.call.calls["StopCrawler"] == 0


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(crawler, client):
    job = started(crawler)
    client.call.before("StopCrawler", client_error("ThrottlingException"), times=2)
    client.call.before("StopCrawler", client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        crawler.stop([job])
    assert client.call.calls["StopCrawler"] == 3


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "abcdef00-1234-5678-9abc-def012345678",
        "detail-type": "Glue Crawler State Change",
        "source": "aws.glue",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "tablesCreated": "0",
            "warningMessage": "N/A",
            "partitionsUpdated": "0",
            "tablesUpdated": "0",
            "message": "Crawler Succeeded",
            "partitionsDeleted": "0",
            "accountId": "123456789012",
            "runningTime (sec)": "7",
            "tablesDeleted": "0",
            "crawlerName": "sales",
            "completionDate": "2026-01-31T04:05:06Z",
            "state": "Succeeded",
            "partitionsCreated": "0",
            "cloudWatchLogLink": "https://console.aws.amazon.com/cloudwatch/home",
        },
    } | changes


def test_an_event_of_glue_speaks_of_its_crawler(crawler):
    assert crawler.run_of_event(event()) == "sales"


@pytest.mark.parametrize(
    "other",
    [{}, event(source="aws.s3"), event(**{"detail-type": "Glue Job State Change"}), event(detail={})],
)
def test_any_other_event_speaks_of_no_crawler(crawler, other):
    assert crawler.run_of_event(other) is None


def test_crawlers_work_with_a_client_of_boto3(aws):
    client = boto3.client("glue")
    client.create_crawler(Name="sales", Role="role", Targets={"S3Targets": [{"Path": "s3://lake/sales/"}]})
    crawler = Crawler(client)
    job = started(crawler)
    assert isinstance(status_of(crawler, job), Running | Succeeded | Failed)
    with pytest.raises(StartRefusedError):
        crawler.mark(job_of(name="other"))
