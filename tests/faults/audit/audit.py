"""The whole audit: every rule over one world."""

from faults.audit.bounds_rules import bounds_rules
from faults.audit.command_rules import command_rules
from faults.audit.credit_rules import credit_rules
from faults.audit.dispute_rules import dispute_rules, fold_disputes
from faults.audit.ledger_rules import fold_ledger, ledger_rules
from faults.audit.log_rules import log_rules
from faults.audit.notification_rules import notification_rules
from faults.audit.promises import Promises
from faults.audit.report import Finding, Verdict
from faults.audit.tenant_rules import tenant_rules
from faults.audit.topic_rules import read_topics
from faults.audit.world import open_world
from faults.deployment import Address


async def audit(address: Address) -> Verdict:
    """Everything should be at rest: what is still under way counts as missing."""
    async with open_world(address) as world:
        promises = Promises(world.history())
        topics, of_topics = await read_topics(world)
        findings: list[Finding] = list(of_topics)
        findings += await log_rules(world)
        findings += await command_rules(world, promises)
        disputes = await fold_disputes(world) if "dispute" in world.databases else {}
        if "dispute" in world.databases:
            findings += await dispute_rules(world, topics, disputes)
            findings.append(await credit_rules(world, topics))
        if "collections" in world.databases:
            findings += await ledger_rules(world, topics, promises, await fold_ledger(world), disputes)
        if "notification" in world.databases:
            findings += await notification_rules(world, topics)
        findings += await bounds_rules(world)
        findings += await tenant_rules(world, topics)
    return Verdict(tuple(findings))
