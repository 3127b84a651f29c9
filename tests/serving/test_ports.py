"""The ports of customers, log, stream and served lists: one suite on the real Redis and on the twins."""

from typing import NamedTuple

import orjson
import pytest
import redis

from features.live_events import LiveEvents
from features.tag_rules import CustomerTag, Earned
from recommender.config import LiveSettings, TagRule
from recommender.errors import Conflict, InvalidInput
from recommender.times import DAY
from serving.adapters.breaker import Breaker
from serving.adapters.memory import MemoryCache, MemoryServedLists
from serving.adapters.memory_archive import MemoryStream
from serving.adapters.memory_customers import MemoryCustomers
from serving.adapters.memory_log import MemoryLog
from serving.adapters.memory_profiles import MemoryProfiles
from serving.adapters.redis_cache import RedisCache
from serving.adapters.redis_customers import RedisCustomers
from serving.adapters.redis_link import RedisLink
from serving.adapters.redis_log import RedisLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.redis_served import RedisServedLists
from serving.adapters.redis_stream import RedisStream
from serving.adapters.tag_codec import MOST_TAGS
from serving.archiver import Stream
from serving.event_records import Record, read
from serving.metrics import Metrics
from serving.ports import Cache, Customers, EventLog, Profiles, ServedLists
from serving.stream import StreamId
from tests.serving.redis_server import RedisServer
from tests.serving.shop import NOW

ENTRY = "0123456789abcdef01234567"
LIMITS = LiveSettings(impressions=2, recent_events=1)


class Ports(NamedTuple):
    cache: Cache
    log: EventLog
    customers: Customers
    profiles: Profiles
    served: ServedLists
    stream: Stream


def real(server: RedisServer) -> Ports:
    link = RedisLink(server.url, 2.0, Breaker("redis", lambda: 0.0))
    return Ports(
        RedisCache(link, "main", Metrics()),
        RedisLog(link, "main"),
        RedisCustomers(link, "main", lambda: 90 * DAY),
        RedisProfiles(link, "main", lambda: float(NOW)),
        RedisServedLists(link, "main"),
        RedisStream(link, "main"),
    )


def twins() -> Ports:
    cache, stream = MemoryCache(), MemoryStream()
    customers = MemoryCustomers(cache, stream)
    profiles = MemoryProfiles(customers, lambda: float(NOW))
    return Ports(cache, MemoryLog(customers), customers, profiles, MemoryServedLists(), stream)


@pytest.fixture(params=["redis", "memory"])
def ports(request: pytest.FixtureRequest, redis_server: RedisServer, client_of_redis: "redis.Redis") -> Ports:
    return real(redis_server) if request.param == "redis" else twins()


def event(user: str, item: str, name: str = "view_item", **more: object) -> Record:
    (record,), rejected = read([{"user_id": user, "item_id": item, "event": name, **more}], NOW, LIMITS)
    assert not rejected
    return record


def revision(ports: Ports, one: str) -> int:
    peek = ports.cache.peek(one, ENTRY)
    assert peek is not None
    return peek.revision


def live(ports: Ports, one: str) -> LiveEvents:
    return ports.profiles.read([one])[0].events


class TestEveryLog:
    def test_an_event_counts_once_and_other_content_under_its_id_does_not(self, ports: Ports) -> None:
        first, other = event("u", "tent", event_id="e"), event("u", "axe", event_id="e")
        assert ports.log.append([first, first], NOW, LIMITS).status == "ad"
        assert ports.log.append([first, other], NOW, LIMITS).status == "dc"
        assert live(ports, "u").items == ("tent",)

    def test_an_event_enters_the_state_of_its_customer_and_raises_the_revision(self, ports: Ports) -> None:
        appended = ports.log.append([event("u", "tent"), event("u", "axe"), event("v/🏕", "pan")], NOW, LIMITS)
        assert (appended.status, appended.beyond, appended.same_as) == ("aaa", {"u": 1}, {})
        assert [live(ports, one).items for one in ("u", "v/🏕", "w")] == [("tent", "axe"), ("pan",), ()]
        assert [revision(ports, one) for one in ("u", "v/🏕", "w")] == [1, 1, 0]

    def test_what_changes_nobody_raises_no_revision(self, ports: Ports) -> None:
        appended = ports.log.append([event("u", "tent", consent=False)], NOW, LIMITS)
        assert (appended.status, appended.beyond, revision(ports, "u")) == ("a", {}, 0)

    def test_of_impressions_the_latest_are_kept_beside_the_events(self, ports: Ports) -> None:
        shown = [
            event("u", item, "view_item_list", timestamp=f"2025-12-31T00:00:0{n}Z") for n, item in enumerate("abc")
        ]
        assert ports.log.append(shown, NOW, LIMITS).beyond == {}
        assert ports.log.append([event("u", "tent")], NOW, LIMITS).beyond == {}
        assert live(ports, "u").items == ("b", "c", "tent")
        assert revision(ports, "u") == 2

    def test_who_refused_is_logged_and_not_learned_from(self, ports: Ports) -> None:
        ports.customers.choose("u", False, NOW)
        assert ports.log.append([event("u", "tent")], NOW, LIMITS).status == "a"
        assert live(ports, "u").items == ()

    def test_events_of_a_merged_visitor_come_back_with_the_customer(self, ports: Ports) -> None:
        ports.customers.merge("v", "u", NOW)
        appended = ports.log.append([event("v", "tent"), event("u", "axe")], NOW, LIMITS)
        assert (appended.status, appended.same_as) == ("ma", {"v": "u"})
        assert ports.log.append([event("v", "tent").moved("u")], NOW, LIMITS).status == "a"
        assert live(ports, "u").items == ("axe", "tent")

    def test_what_is_not_archived_yet_waits_since_its_oldest_entry_came(self, ports: Ports) -> None:
        assert ports.log.waiting() == (0, 0)
        ports.log.append([event("u", "tent"), event("u", "axe")], NOW, LIMITS)
        first, last = ports.stream.waiting(2)
        assert ports.log.waiting() == (2, first.id.ms)
        ports.stream.trim(last.id)
        assert ports.log.waiting() == (0, 0)


class TestAllCustomers:
    def test_somebody_unknown_has_an_empty_profile(self, ports: Ports) -> None:
        (found,) = ports.profiles.read(["nobody"])
        assert (found.user_id, len(found.events), found.given, found.also) == ("nobody", 0, (), ())
        assert (found.declares, found.muted, found.personalize, found.erased_at) == (False, frozenset(), True, None)
        assert ports.customers.resolve("nobody") == "nobody"
        assert ports.customers.export("nobody") == {"declared": {}, "declared_at": None}

    def test_a_declaration_replaces_the_one_before(self, ports: Ports) -> None:
        ports.customers.declare([("u", {"tags": ["vip"], "region": "north"})], NOW - 1)
        ports.customers.declare([("u", {"tags": ["vegan"]})], NOW)
        (found,) = ports.profiles.read(["u"])
        assert (found.declares, found.given) == (True, (CustomerTag("vegan", 1.0, "declared", NOW),))
        assert ports.customers.export("u") == {"declared": {"tags": ["vegan"]}, "declared_at": NOW}
        assert revision(ports, "u") == 2

    def test_lists_are_personal_where_neither_choice_nor_consent_says_no(self, ports: Ports) -> None:
        seen = []
        for consent, choice in ((False, True), (True, False), (True, True)):
            ports.customers.declare([("u", {"consent_personalization": consent})], NOW)
            ports.customers.choose("u", choice, NOW)
            peek = ports.cache.peek("u", ENTRY)
            assert peek is not None
            seen.append((peek.personalize, ports.profiles.read(["u"])[0].personalize))
        assert seen == [(False, False), (False, False), (True, True)]

    def test_many_are_declared_at_once_the_merged_under_the_customer_and_the_last_word_counts(
        self, ports: Ports
    ) -> None:
        ports.customers.merge("v", "u", NOW)
        said = [("v", {"region": "north"}), ("w/🏕", {"tags": ["vegan"]}), ("w/🏕", {"tags": ["vip"]})]
        ports.customers.declare(said, NOW)
        assert [ports.customers.export(one)["declared"] for one in ("u", "v", "w/🏕")] == [
            {"region": "north"},
            {},
            {"tags": ["vip"]},
        ]
        assert revision(ports, "w/🏕") == 2

    def test_a_consent_stands_in_what_is_declared_until_another_one_is(self, ports: Ports) -> None:
        for fields in ({"consent_email": False, "region": "north"}, {"tags": ["vip"]}):
            ports.customers.declare([("u", fields)], NOW)
        assert ports.customers.export("u")["declared"] == {"consent_email": False, "tags": ["vip"]}
        ports.customers.declare([("u", {"consent_email": True})], NOW)
        assert ports.customers.export("u")["declared"] == {"consent_email": True}
        ports.customers.forget(["u"], NOW)
        assert ports.customers.export("u")["declared"] == {}

    def test_a_declaration_that_is_silent_on_consent_leaves_it(self, ports: Ports) -> None:
        ports.customers.declare([("u", {"consent_personalization": False})], NOW)
        ports.customers.declare([("u", {"region": "north"})], NOW)
        assert not ports.profiles.read(["u"])[0].personalize

    def test_a_hand_gives_and_mutes_and_gives_again(self, ports: Ports) -> None:
        ports.customers.give("u", "vip", 2.0, NOW)
        (given,) = ports.profiles.read(["u"])
        ports.customers.mute("u", "vip")
        (muted,) = ports.profiles.read(["u"])
        ports.customers.give("u", "vip", 1.0, NOW)
        (again,) = ports.profiles.read(["u"])
        assert given.given == (CustomerTag("vip", 2.0, "hand", NOW),)
        assert (muted.given, muted.muted) == ((), frozenset({"vip"}))
        assert (again.given, again.muted) == ((CustomerTag("vip", 1.0, "hand", NOW),), frozenset())
        assert revision(ports, "u") == 3

    def test_tags_of_one_customer_are_limited(self, ports: Ports) -> None:
        for number in range(MOST_TAGS):
            ports.customers.mute("u", f"tag {number}")
        ports.customers.give("u", "tag 0", 1.0, NOW)
        with pytest.raises(InvalidInput):
            ports.customers.give("u", "one more", 1.0, NOW)

    def test_a_merged_visitor_brings_everything(self, ports: Ports) -> None:
        ports.log.append([event("v", "tent"), event("u", "axe"), event("v", "mat", "view_item_list")], NOW, LIMITS)
        ports.customers.give("v", "camper", 1.0, NOW)
        ports.customers.give("u", "cook", 1.0, NOW)
        ports.customers.mute("v", "cook")
        before = revision(ports, "u")
        assert ports.customers.merge("v", "u", NOW)
        (found,) = ports.profiles.read(["u"])
        assert sorted(found.events.items) == ["axe", "mat", "tent"]
        assert ({tag.name for tag in found.given}, found.muted, found.also) == ({"camper"}, {"cook"}, ("v",))
        assert revision(ports, "u") > before
        assert (ports.customers.resolve("v"), len(live(ports, "v"))) == ("u", 0)

    def test_a_refusal_survives_the_merge(self, ports: Ports) -> None:
        ports.customers.choose("v", False, NOW)
        ports.customers.merge("v", "u", NOW)
        assert not ports.profiles.read(["u"])[0].personalize

    def test_merges_follow_each_other_and_contradictions_are_refused(self, ports: Ports) -> None:
        assert ports.customers.merge("a", "b", NOW)
        assert not ports.customers.merge("a", "b", NOW)
        assert ports.customers.merge("b", "c", NOW)
        assert [ports.customers.resolve(one) for one in "abc"] == ["c", "c", "c"]
        assert set(ports.profiles.read(["c"])[0].also) == {"a", "b"}
        for visitor, customer in (("a", "d"), ("c", "a")):
            with pytest.raises(Conflict):
                ports.customers.merge(visitor, customer, NOW)

    def test_what_is_compacted_keeps_the_latest_and_what_lasts(self, ports: Ports) -> None:
        done = [("tent", "purchase"), ("axe", "view_item"), ("mat", "view_item"), ("pan", "view_item")]
        ports.log.append([event("u", item, name) for item, name in done], NOW, LIMITS)
        earned = Earned(CustomerTag("camper", 1.0, "rule", NOW, evidence=("tent",)), TagRule(tag="camper"))
        assert ports.customers.compact(ports.profiles.read(["u"])[0], 2, [earned])
        (found,) = ports.profiles.read(["u"])
        assert found.events.items == ("tent", "mat", "pan")
        assert [(tag.name, tag.provenance, tag.evidence) for tag in found.given] == [("camper", "rule", ("tent",))]
        assert ports.log.append([event("u", "cup"), event("u", "map")], NOW, LIMITS).beyond == {"u": 2}

    @pytest.mark.parametrize("change", ["mute", "forget", "append"])
    def test_a_state_that_changed_meanwhile_is_not_compacted(self, ports: Ports, change: str) -> None:
        ports.log.append([event("u", "tent"), event("u", "axe")], NOW, LIMITS)
        (before,) = ports.profiles.read(["u"])
        {
            "mute": lambda: ports.customers.mute("u", "camper"),
            "forget": lambda: ports.customers.forget(["u"], NOW),
            "append": lambda: ports.log.append([event("u", "pan")], NOW, LIMITS),
        }[change]()
        earned = Earned(CustomerTag("camper", 1.0, "rule", NOW, evidence=("tent",)), TagRule(tag="camper"))
        assert not ports.customers.compact(before, 1, [earned])
        (after,) = ports.profiles.read(["u"])
        assert after.given == ()
        assert after.muted == (frozenset({"camper"}) if change == "mute" else frozenset())
        assert len(after.events) == {"mute": 2, "forget": 0, "append": 3}[change]

    def test_who_was_erased_and_is_merged_anew_stays_erased(self, ports: Ports) -> None:
        ports.customers.forget(["v"], NOW)
        assert ports.customers.merge("v", "u", NOW)
        assert ports.profiles.read(["v"])[0].erased_at == NOW

    def test_who_is_forgotten_leaves_nothing_but_that(self, ports: Ports) -> None:
        ports.log.append([event("u", "tent"), event("u", "axe"), event("u", "mat", "view_item_list")], NOW, LIMITS)
        ports.customers.give("u", "vip", 1.0, NOW)
        ports.customers.declare([("u", {"tags": ["vegan"]})], NOW)
        ports.cache.store("u", ENTRY, revision(ports, "u"), b"list", 60)
        before = revision(ports, "u")
        gone = ports.customers.forget(["u", "nobody"], NOW)
        assert {kind: gone[kind] for kind in ("lists", "events", "seen", "tags")} == {
            "lists": 1, "events": 2, "seen": 1, "tags": 1
        }  # fmt: skip
        assert gone["profile"] > 0
        (found,) = ports.profiles.read(["u"])
        assert (len(found.events), found.given, found.declares, found.erased_at) == (0, (), False, NOW)
        peek = ports.cache.peek("u", ENTRY)
        assert peek is not None
        assert (peek.entry, peek.revision > before) == (None, True)

    def test_a_refusal_survives_being_forgotten(self, ports: Ports) -> None:
        ports.customers.choose("u", False, NOW)
        ports.customers.forget(["u"], NOW)
        assert not ports.profiles.read(["u"])[0].personalize

    def test_a_forgotten_visitor_is_nobody_in_particular(self, ports: Ports) -> None:
        ports.customers.merge("v", "u", NOW)
        ports.customers.forget(["u", "v"], NOW)
        assert (ports.customers.resolve("v"), ports.profiles.read(["u"])[0].also) == ("v", ())


class TestEveryStoreOfServedLists:
    def test_a_list_is_recalled_as_it_was_remembered_last(self, ports: Ports) -> None:
        assert ports.served.recall("one") is None
        for value in (b"shown", b"\x00 shown more"):
            ports.served.remember("one", value, 60)
        assert ports.served.recall("one") == b"\x00 shown more"


def waiting(ports: Ports, most: int = 100) -> list[str]:
    return [orjson.loads(entry.fields[b"event"])["item_id"] for entry in ports.stream.waiting(most)]


class TestEveryStream:
    def test_what_was_stored_waits_oldest_first(self, ports: Ports) -> None:
        assert (ports.stream.length(), ports.stream.waiting(9)) == (0, [])
        ports.log.append([event("u", "tent"), event("u", "axe")], NOW, LIMITS)
        ports.log.append([event("v", "pan"), event("u", "tent")], NOW, LIMITS)
        assert (ports.stream.length(), waiting(ports), waiting(ports, 2)) == (
            3,
            ["tent", "axe", "pan"],
            ["tent", "axe"],
        )
        ids = [entry.id for entry in ports.stream.waiting(9)]
        assert ids == sorted(set(ids))

    def test_what_happens_to_a_customer_waits_beside_their_events(self, ports: Ports) -> None:
        ports.customers.declare([("u", {"region": "north"})], NOW)
        ports.customers.merge("v", "u", NOW)
        ports.customers.choose("u", False, NOW)
        ports.log.append([event("u", "tent")], NOW, LIMITS)
        (declared, merge, choice, last) = (entry.fields for entry in ports.stream.waiting(9))
        assert orjson.loads(declared[b"user"]) == {
            "user_id": "u", "region": "north", "tags": None, "birthday": None, "language": None, "attributes": None
        }  # fmt: skip
        assert orjson.loads(merge[b"merge"]) == {"visitor_id": "v", "user_id": "u", "merged_at": NOW * 1000}
        assert orjson.loads(choice[b"user"]) == {"user_id": "u", "personalize_chosen": False}
        assert (set(last), last[b"unlearned"]) == ({b"event", b"unlearned"}, b"1")

    def test_it_lets_go_of_what_it_is_told_and_of_nothing_else(self, ports: Ports) -> None:
        ports.stream.trim(StreamId(2**42, 0))
        ports.log.append([event("u", item) for item in ("tent", "axe", "pan")], NOW, LIMITS)
        ports.stream.trim(ports.stream.waiting(9)[1].id)
        assert (ports.stream.length(), waiting(ports)) == (1, ["pan"])

    def test_ids_to_come_stay_after_the_one_given_and_what_waits_stays_too(self, ports: Ports) -> None:
        ports.log.append([event("u", "tent")], NOW, LIMITS)
        (first,) = ports.stream.waiting(9)
        for ahead in (StreamId(1, 0), first.id, StreamId(2**42, 5), StreamId(2**42, 5), StreamId(2**41, 0)):
            ports.stream.stay_after(ahead)
        ports.log.append([event("u", "axe")], NOW, LIMITS)
        assert waiting(ports) == ["tent", "axe"]
        assert ports.stream.waiting(9)[1].id > StreamId(2**42, 5)
