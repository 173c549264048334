"""Deep probe of the functions' roles: what IAM lets each do, worked out by IAM itself. It changes nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.shell import quote_command


@dataclass(frozen=True)
class _Right:
    """Something that a role may do, or may not."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    """The values of condition keys"""

    def __str__(self) -> str:
        through = ", ".join(f"{key}={value}" for key, value in self.context.items())
        return f"{self.action} on {self.resource.split(':', 5)[-1]}{through and f' ({through})'}"


@dataclass(frozen=True)
class _Stack:
    """The ARNs of what the stack's functions use."""

    subject: Subject

    def table(self, output: str) -> str:
        return self.subject.make_arn("dynamodb", f"table/{self.subject.stack[output]}")

    def queue(self, output: str) -> str:
        return self.subject.make_arn("sqs", self.subject.stack[output].rpartition("/")[2])

    def logs(self, function: str) -> str:
        group = self.subject.find_resource("AWS::Logs::LogGroup", f"{function}Logs").physical_id
        return self.subject.make_arn("logs", f"log-group:{group}:log-stream:any")

    def use_key(self, service: str, *actions: str) -> list[_Right]:
        """What AWS's service does with the key for a function."""
        through = {"kms:ViaService": self.subject.make_host(service)}
        return [_Right(action, self.key, through) for action in actions]

    def write(self, *tables: str) -> list[_Right]:
        """What a step does with its tables."""
        rights = [_Right("dynamodb:UpdateItem", self.table(output)) for output in tables]
        return rights + self.use_key("dynamodb", "kms:Decrypt")

    def poll(self, queue: str) -> list[_Right]:
        """What Lambda does for a function that reads a queue."""
        actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        return [_Right(action, self.queue(queue)) for action in actions] + self.use_key("sqs", "kms:Decrypt")

    def dead_letter(self, queue: str) -> list[_Right]:
        """What sends a message to a dead-letter queue."""
        return [
            _Right("sqs:SendMessage", self.queue(queue)),
            *self.use_key("sqs", "kms:Decrypt", "kms:GenerateDataKey"),
        ]

    @property
    def key(self) -> str:
        return self.subject.make_arn(
            "kms", f"key/{self.subject.find_resource('AWS::KMS::Key', 'Encryption').physical_id}"
        )


def examine_role_rights(subject: Subject) -> Iterator[Finding]:
    """Have IAM simulate what each function's role must be able to do, and what it must not.

    With all that counts in the account: boundaries and an organisation's policies too.
    """
    stack = _Stack(subject)
    never = _list_never(stack)
    for function, rights in _list_rights(stack).items():
        role = subject.find_resource("AWS::IAM::Role", f"{function}Role").physical_id
        needed = list({str(right): right for right in (*rights, *_list_common(stack, function))}.values())  # each once
        lacking = list(_simulate(subject, role, needed, expected=True))
        excessive = list(_simulate(subject, role, never, expected=False))
        shown = quote_command("aws iam list-role-policies --role-name", role)
        if lacking:
            yield Finding.wrong(
                f"{function} may not {_join(lacking)}", f"restore its policy as infra/pipeline has it; {shown} names it"
            )
        if excessive:
            yield Finding.wrong(f"{function} may {_join(excessive)}", f"take that away; {shown} names its policies")
        if not lacking and not excessive:
            yield Finding.ok(
                f"{function} may do the {len(needed)} things it must, and none of {len(never)} it must not"
            )


def _list_rights(stack: _Stack) -> dict[str, list[_Right]]:
    """Give what each function must be able to do, by the beginning of its logical ids."""
    machine = stack.subject.stack["StateMachineArn"]
    orders = stack.write("OrdersTableName")
    both = stack.write("OrdersTableName", "InventoryTableName")
    return {
        "IngestionStartWorkflow": [
            _Right("states:StartExecution", machine),
            _Right("states:DescribeExecution", machine.replace(":stateMachine:", ":execution:") + ":12345"),
            *stack.poll("OrderQueueUrl"),
            *stack.dead_letter("OrderDlqUrl"),
        ],
        "WorkflowUpdateOrder": orders,
        "WorkflowRejectOrder": orders,
        "WorkflowReserveInventory": both,
        "WorkflowReleaseInventory": both,
        "WorkflowReleaseAbandoned": [*both, *stack.dead_letter("ReleaseDlqUrl")],
        "NotificationsSendEmail": [*orders, *_list_mail_rights(stack.subject)],
        "MailTrackingTrackEmail": [*orders, *stack.poll("MailEventQueueUrl")],
    }


def _list_mail_rights(subject: Subject) -> list[_Right]:
    sender = subject.stack["SenderEmail"]
    configuration_set = subject.find_resource("AWS::SES::ConfigurationSet", "MailTracking").physical_id
    return [
        _Right("ses:SendEmail", subject.make_arn("ses", f"identity/{sender}"), {"ses:FromAddress": sender}),
        _Right("ses:SendEmail", subject.make_arn("ses", f"configuration-set/{configuration_set}")),
    ]


def _list_common(stack: _Stack, function: str) -> list[_Right]:
    """Logs and traces, which all functions write."""
    return [
        *(_Right(action, stack.logs(function)) for action in ("logs:CreateLogStream", "logs:PutLogEvents")),
        *(_Right(action, "*") for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords")),
    ]


def _list_never(stack: _Stack) -> list[_Right]:
    """Give what no function may do."""
    orders, movements = stack.table("OrdersTableName"), stack.table("StockMovementsTableName")
    stranger = "stranger@example.com"
    identity = stack.subject.make_arn("ses", f"identity/{stranger}")
    return [
        _Right("ses:SendEmail", identity, {"ses:FromAddress": stranger}),
        *(_Right(action, orders) for action in ("dynamodb:DeleteTable", "dynamodb:DeleteItem", "dynamodb:Scan")),
        _Right("dynamodb:UpdateItem", movements),
        _Right("kms:Decrypt", stack.key),
        _Right("kms:ScheduleKeyDeletion", stack.key),
        _Right("sqs:PurgeQueue", stack.queue("OrderQueueUrl")),
        _Right(
            "states:StopExecution",
            f"{stack.subject.stack['StateMachineArn'].replace(':stateMachine:', ':execution:')}:1",
        ),
    ]


def _simulate(subject: Subject, role: str, rights: Iterable[_Right], *, expected: bool) -> Iterator[_Right]:
    """Give those of which IAM says otherwise.

    A call a resource and context, since a call tries each of its actions on each of its resources.
    """
    iam = subject.stack.client("iam")
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    together: defaultdict[tuple[str, str], list[_Right]] = defaultdict(list)
    for right in rights:
        together[right.resource, str(right.context)].append(right)
    for group in together.values():
        results = iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=[right.action for right in group],
            ResourceArns=[group[0].resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}
                for key, value in group[0].context.items()
            ],
        )["EvaluationResults"]
        allowed = {result["EvalActionName"] for result in results if result["EvalDecision"] == "allowed"}
        yield from (right for right in group if (right.action in allowed) is not expected)


def _join(rights: Iterable[_Right]) -> str:
    return "; ".join(map(str, rights))


DEEP_LOOKS: Final = (
    Probe(
        id="D4",
        group="The functions' roles",
        asks="each function's role may do what it must, and nothing that it must not",
        ask=examine_role_rights,
        actions=("cloudformation:ListStackResources", "iam:GetRole", "iam:SimulatePrincipalPolicy"),
        page="architecture.md#the-code",
        not_local="the local AWS simulates no conditions",
    ),
)
