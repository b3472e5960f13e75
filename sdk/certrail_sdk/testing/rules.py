"""Every rule of the kit: its id, its level on the ladder, what it checks, and what to do when it is broken.

A rule is a test of a conformance class; its name there is the key. Ids are never given to another rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Steps of the ladder, each with all rules of those before it."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    PLATINUM = "platinum"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: letter of the kind (P plugin, D destination, N notifier, Q question) and a number.
        level: the step of the ladder that wants it.
        title: what holds when it is kept.
        advice: what to do when it is broken.
        fixture: what a conformance class has to provide for it; empty: nothing.
        required: whether its level is missed where it does not apply, as for a verb that the plugin lacks.
    """

    id: str
    level: Level
    title: str
    advice: str
    fixture: str = ""
    required: bool = False

    @property
    def page(self) -> str:
        """Where it is explained, in certrail's documentation."""
        return f"docs/reference/plugin-rules.md#{self.id.lower()}"


B, S, G, P = Level
STORED, FOREIGN, BUSY, UNREACHABLE, GENUINE = "stored", "foreign", "busy", "unreachable", "genuine"

PLUGIN: dict[str, Rule] = {
    "test_says_what_it_is": Rule(
        "P01",
        B,
        "A plugin has a name, a title and a docstring.",
        "Set `name` (lower-case) and `title`, and write the docstring: it is the help text.",
    ),
    "test_every_field_is_described": Rule(
        "P02",
        B,
        "Every configuration field has a title and a description.",
        "Give `Field(title=..., description=...)` to each: the form, the docs and the CLI show nothing else.",
    ),
    "test_configuration_survives_storage": Rule(
        "P03",
        B,
        "A configuration that is stored as JSON is read back as the same.",
        "Use types that JSON keeps, or validators that read back what `reveal()` wrote.",
    ),
    "test_unknown_fields_are_refused": Rule(
        "P04",
        B,
        "A misspelt field is refused.",
        "Derive the model from `certrail_sdk.Config` and leave `extra` forbidden.",
    ),
    "test_secrets_are_masked": Rule(
        "P05",
        B,
        "No repr and no dump shows a secret.",
        "Make each credential a `Secret`, also within lists and mappings; write no `__repr__` that reveals one.",
    ),
    "test_secrets_can_be_found": Rule(
        "P06",
        B,
        "The secrets of the test configuration are long enough to be looked for.",
        "Give `build` and `broken` secrets of six characters or more: shorter ones cannot be found in a log.",
    ),
    "test_check_passes": Rule(
        "P07",
        B,
        "`check` accepts a configuration that works, without blocking the event loop.",
        "Make one cheap call that reads; put blocking calls into `in_thread`.",
    ),
    "test_check_refuses_what_cannot_work": Rule(
        "P08",
        B,
        "`check` says what is wrong with a configuration, and no secret with it.",
        "Raise `Misconfigured(field)` or `Unauthorized`, `from None` where the cause quotes a credential.",
    ),
    "test_check_changes_nothing": Rule(
        "P09",
        G,
        "`check` changes nothing at the other side.",
        "Read something that need not be there; never write a probe object.",
        STORED,
    ),
    "test_keeps_nothing_between_calls": Rule(
        "P10",
        S,
        "A plugin object keeps nothing between calls, nor does its module.",
        "Make clients and sessions within the verb: what is kept would serve another connection, too.",
    ),
    "test_waits_for_nothing_itself": Rule(
        "P11",
        G,
        "Where the other side demands a pause, the verb raises `RateLimited` at once.",
        "Switch the vendor's retries off, never sleep, raise `RateLimited(retry_after=...)`: the engine waits.",
        BUSY,
    ),
    "test_unreachable_is_tried_again": Rule(
        "P12",
        G,
        "Where the other side cannot be reached, every verb raises `Retryable` soon.",
        "Translate connection errors and timeouts to `Retryable`; bound the vendor's timeouts, retry nothing yourself.",
        UNREACHABLE,
    ),
}

DESTINATION: dict[str, Rule] = {
    "test_accepts_ordinary_names": Rule(
        "D01",
        B,
        "The default name schema makes names that the destination takes.",
        "Set `name_pattern` and `name_length` as the vendor has them, and `default_name_schema` to fit.",
    ),
    "test_deploys_once": Rule(
        "D02",
        B,
        "The same deployment again changes nothing, and says so.",
        "Compare what is there before you write, and answer `changed=False` when it is the same.",
    ),
    "test_renews": Rule(
        "D03",
        B,
        "A renewed certificate replaces the former one under the same reference.",
        "Write to the object that the receipt names while `keep_identity` is set.",
    ),
    "test_refused_deployments_are_permanent": Rule(
        "D04",
        B,
        "With a configuration that cannot work, `deploy` asks for a person.",
        "Raise `Unauthorized`, `Misconfigured` or another `Permanent`, and translate every error of the vendor's SDK.",
    ),
    "test_keeps_secrets": Rule(
        "D05",
        B,
        "No private key and no credential reaches a log, the standard output or a receipt.",
        "Log names and ids only; silence the vendor's debug log of request bodies; print nothing.",
    ),
    "test_adopts_what_a_lost_try_left": Rule(
        "D06",
        S,
        "After a try whose receipt was lost, the next one finds its object.",
        "Store `deployment.delivery` with the object as a tag or label, and look for it when `may_exist` is set.",
    ),
    "test_survives_cancellation": Rule(
        "D07",
        S,
        "Cancelled anywhere and tried again, a deployment ends as if nothing had happened.",
        "Write in one atomic call where you can; leave no lock behind; `in_thread` for every blocking write.",
    ),
    "test_reads_back": Rule(
        "D08",
        S,
        "`observe` tells absent from present, and which certificate is there.",
        "Read the certificate back from the vendor and answer its fingerprint, not the receipt's.",
        required=True,
    ),
    "test_removes": Rule(
        "D09",
        S,
        "`remove` takes our object away; removing twice is fine.",
        "Answer `changed=False` where there is nothing left.",
        required=True,
    ),
    "test_publishes": Rule(
        "D10",
        S,
        "`publish` replaces its own public file and leaves others alone.",
        "Keep the delivery with the file, and refuse a file of another one with `Permanent`.",
    ),
    "test_keeps_its_mark": Rule(
        "D11",
        S,
        "A renewal keeps the mark by which the object is found again.",
        "Send tags or labels with every write: many vendors replace all of them, or drop them with a new version.",
    ),
    "test_leaves_other_deliveries_alone": Rule(
        "D12",
        S,
        "An object of another delivery is neither replaced, nor observed as ours, nor removed.",
        "Compare the mark before each write and removal: `Permanent` if it is another; `observe` answers absent.",
    ),
    "test_leaves_foreign_objects_alone": Rule(
        "D13",
        G,
        "An object that somebody made by hand is neither replaced, observed as ours, nor removed.",
        "Take an object without a mark for foreign: raise `Permanent` and say which name is taken.",
        FOREIGN,
    ),
    "test_delivers_everything": Rule(
        "D14",
        G,
        "Leaf, chain in its order, root when wanted, and the key that fits are stored, also after a renewal.",
        "Write `bundle.certificate`, `bundle.chain_pem` and the key in one step.",
        STORED,
    ),
    "test_makes_no_second_object": Rule(
        "D15",
        G,
        "Repeated, adopted and renewed, a delivery has one object.",
        "Look for the receipt's reference, then for the mark, before you create; delete what you replace.",
        STORED,
    ),
    "test_returns_to_an_earlier_certificate": Rule(
        "D16",
        S,
        "A certificate that was replaced can be deployed again.",
        "Compare with what is there now, not with versions that once were; write the version that the deployment has.",
    ),
    "test_puts_back_what_was_removed": Rule(
        "D17",
        S,
        "An object that is gone is made again, whatever the receipt says.",
        "Look at the other side; a receipt says what was there, not what is.",
    ),
    "test_lives_without_the_key": Rule(
        "D18",
        S,
        "A certificate whose key certrail does not hold is delivered without it, or refused as `Permanent`.",
        "Use `pem.key_of(bundle, title)` where the key is needed: it raises the right error.",
    ),
    "test_gives_a_new_identity": Rule(
        "D19",
        S,
        "With `keep_identity=False` the new certificate arrives, under the same reference or another.",
        "Ignore the switch where the name decides; else create an object, and name the former in `details`.",
    ),
    "test_is_not_misled_by_another_target": Rule(
        "D20",
        P,
        "An object at another target is not mistaken for the one of the same name here.",
        "Compare the receipt's reference with the present configuration before you observe, remove or replace.",
        "elsewhere",
    ),
    "test_replaces_in_one_step": Rule(
        "D22",
        G,
        "A renewal that is cancelled leaves the former certificate or the new one, each with its own key.",
        "Replace in one call, or write beside and switch; never delete before the new one is there.",
        STORED,
    ),
    "test_settles_its_writes": Rule(
        "D21",
        P,
        "A cancelled deployment leaves no write behind that lands later.",
        "Wait for the thread that writes: `in_thread`, or `settled(asyncio.to_thread(...))`.",
        STORED,
    ),
}

NOTIFIER: dict[str, Rule] = {
    "test_sends": Rule(
        "N01",
        B,
        "A message is handed over, and somebody accepted it.",
        "Raise an error where nobody did; `Sent.recipients` names each where the system tells.",
    ),
    "test_refused_messages_are_permanent": Rule(
        "N02",
        B,
        "With a configuration that cannot work, `send` asks for a person.",
        "Raise `Unauthorized`, `Misconfigured` or another `Permanent` for what the other side refuses.",
    ),
    "test_keeps_secrets": Rule(
        "N03",
        B,
        "No credential reaches a log, the standard output or a receipt.",
        "Log names and ids only; print nothing.",
    ),
    "test_repeats_under_the_same_reference": Rule(
        "N04",
        S,
        "A message that may have been sent before is recognisable as the same.",
        "Put `notification.id` where the other side deduplicates, and answer the same reference.",
    ),
    "test_messages_are_distinct": Rule(
        "N05",
        S,
        "Another message has another reference.",
        "Make the reference of what the other side answers, or of `notification.id`.",
    ),
}

QUESTION: dict[str, Rule] = {
    "test_asks_once": Rule(
        "Q01",
        S,
        "A question whose posting was lost is adopted, not posted again.",
        "Store `question.id` with the message and look for it when `may_exist` is set.",
    ),
    "test_questions_are_distinct": Rule(
        "Q02",
        S,
        "Another question is not taken for an earlier one.",
        "Compare the id of the question when you look for an earlier copy.",
    ),
    "test_closes": Rule(
        "Q03",
        S,
        "A closed question replaces the open one and loses its answers.",
        "Replace the whole message in `update`; without choices it has no buttons.",
    ),
    "test_refuses_unsigned_callbacks": Rule(
        "Q04",
        B,
        "A callback that nobody signed is refused.",
        "Verify the signature before anything else; raise `Forged` or `Malformed`.",
    ),
    "test_keeps_answer_tokens": Rule(
        "Q05",
        B,
        "The tokens of the answers reach no log and no receipt.",
        "Never log a request body: who has a token can answer.",
    ),
    "test_reads_an_answer": Rule(
        "Q06",
        G,
        "A genuine callback gives the person's id, the answer's token and the message.",
        "Take `sender` from the other side's id of the person, never from a display name.",
        GENUINE,
        required=True,
    ),
    "test_refuses_altered_callbacks": Rule(
        "Q07",
        G,
        "A callback whose body or signature was changed is refused.",
        "Sign the raw body, compare in constant time, and refuse a request without any of its headers.",
        GENUINE,
        required=True,
    ),
    "test_replays_are_recognised": Rule(
        "Q08",
        G,
        "The same callback has the same replay key, another one another.",
        "Make the key of the signature, or of an id that the other side gives each interaction.",
        GENUINE,
        required=True,
    ),
    "test_refuses_old_callbacks": Rule(
        "Q09",
        P,
        "A callback that arrives an hour late is refused.",
        "Include the timestamp in what is signed, and allow five minutes.",
        GENUINE,
    ),
    "test_vouches_for_addresses": Rule(
        "Q10",
        G,
        "`email_of` gives an address that the other side has verified, and no other.",
        "Answer `None` for guests, bots, deleted persons and addresses that are not confirmed.",
        GENUINE,
        required=True,
    ),
    "test_acknowledges_what_became_of_it": Rule(
        "Q11",
        G,
        "`acknowledge` says to the person what became of the answer: never that it counted when it did not.",
        "Say `outcome.message` where the state is not `recorded`.",
        GENUINE,
        required=True,
    ),
}

BY_KIND: Mapping[str, Mapping[str, Rule]] = {
    "destination": PLUGIN | DESTINATION,
    "notifier": PLUGIN | NOTIFIER,
    "interactive": PLUGIN | NOTIFIER | QUESTION,
}
"""By what a conformance class checks: the rules by the names of its tests."""
