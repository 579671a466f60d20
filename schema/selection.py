"""From a GraphQL selection to a :class:`~gateway.reading.need.Need`: looks ahead, fetches nothing.

Reads what ``schema.fields`` declared of every selected field. Aliases, fragments, type conditions, ``@skip`` and
``@include`` are followed as the executor follows them. What the caller may not see is left out, so that nothing is read for
it; the executor says that it is denied (``schema.guard``).

Source: GraphQL specification, 6.3.2 Field Collection.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

from gateway.answers.plan import Asked, Setting, company_branch, feed_branch
from gateway.auth.caller import Role
from gateway.errors import InvalidInputError
from gateway.reading.need import BaseCurrency, Branch, InCompany, Link, LocalCurrency, Need, Source
from gateway.reading.paging import Window
from gateway.reading.sources import CURRENCIES
from schema.connection import edge_scope, nodes_scope
from schema.costs import BESIDE
from schema.fields import CURRENCY_BRANCH, Declaration, RowField, declaration_of
from schema.figures import figure_plan
from schema.rules import DEFINITION, column_rule, may, require, rule_of, strawberry_field


@dataclass(frozen=True, slots=True)
class Selection:
    """One request's selections, for one caller."""

    info: GraphQLResolveInfo[Any]
    roles: frozenset[Role]
    max_page_size: int
    setting: Setting
    record_branches: Mapping[str, Branch] = dataclass_field(default_factory=dict)
    """What is read of coupled records here, where the configuration adds fields to them; by the branch's name."""

    def __post_init__(self) -> None:
        root, name = self.info.parent_type, self.info.field_name
        require(self.roles, rule_of(root, name), f"{root.name}.{name}")

    def row(self, type_name: str | None = None) -> Need:
        """What the current field wants of the row it returns; ``type_name`` chooses one of an interface's types."""
        target = self._object_type(type_name)
        if figure_plan(target) is not None:
            return self._figures(target, self.info.field_nodes, self._arguments(self.info), prefix="")
        return self._need(target, _selection_sets(self.info.field_nodes))

    def require_record(self, type_name: str) -> None:
        """Refuse a record of a type whose ids the caller may not see: that there is one is something to see, too.

        Raises:
            ForbiddenError: naming the type and the roles that would do.
        """
        target = self._object_type(type_name)
        require(self.roles, rule_of(target, "id"), f"{target.name}.id")

    def inside(self, type_name: str, field: str) -> Need | None:
        """What is wanted of the row in a field of a type that the current field may return; None when it is not asked."""
        target = self._object_type(type_name)
        collected = self._collect(target, _selection_sets(self.info.field_nodes)).values()
        nodes = [node for same in collected if same[0].name.value == field for node in same]
        if not nodes:
            return None
        named = get_named_type(target.fields[field].type)
        assert isinstance(named, GraphQLObjectType)  # noqa: S101 - a row
        return self._need(named, _selection_sets(nodes))

    def names(self) -> frozenset[str]:
        """The fields selected of the object that the current field returns, and those below them by their path."""
        return frozenset(self._paths(self._object_type(None), _selection_sets(self.info.field_nodes), ""))

    def _paths(self, target: GraphQLObjectType, sets: Sequence[SelectionSetNode], prefix: str) -> Iterable[str]:
        for nodes in self._collect(target, sets).values():
            name = nodes[0].name.value
            yield f"{prefix}{name}"
            definition = target.fields.get(name)
            named = get_named_type(definition.type) if definition is not None else None
            if isinstance(named, GraphQLObjectType) and _is_plain(named):
                yield from self._paths(named, _selection_sets(nodes), f"{prefix}{name}.")

    def _arguments(self, info: GraphQLResolveInfo[Any]) -> Mapping[str, Any]:
        definition = info.parent_type.fields[info.field_name]
        return get_argument_values(definition, info.field_nodes[0], self._variables)

    def rows(self) -> Need:
        """What the current field wants of the rows of the connection it returns."""
        return self._rows(self._object_type(None), self.info.field_nodes)

    def require_columns(self, names: Iterable[str]) -> None:
        """Refuse to filter or order by a column the caller may not see: the answer would tell it.

        Raises:
            ForbiddenError: naming the field and the roles that would do.
        """
        target = get_named_type(self._object_type(None).fields["nodes"].type)
        assert isinstance(target, GraphQLObjectType)  # noqa: S101 - a connection of rows
        for name in names:
            require(self.roles, column_rule(target, name), f"{target.name} by {name}")

    def counts(self) -> bool:
        """Whether the current connection field asks for ``totalCount``."""
        return "totalCount" in self._names(self._object_type(None), _selection_sets(self.info.field_nodes))

    def window(self, first: int, after: str | None, *, count: bool) -> Window:
        """Check a page's arguments.

        Raises:
            InvalidInputError: ``first`` is out of bounds.
        """
        if not 1 <= first <= self.max_page_size:
            raise InvalidInputError(f"first must be between 1 and {self.max_page_size}.", argument="first")
        return Window(first, after, count)

    @property
    def _variables(self) -> VariableValues:
        """graphql-core hands resolvers the coerced values alone; its own functions want them wrapped."""
        values: Any = self.info.variable_values
        return VariableValues(sources={}, coerced=values) if isinstance(values, dict) else values

    def _object_type(self, type_name: str | None) -> GraphQLObjectType:
        named = get_named_type(self.info.return_type) if type_name is None else self.info.schema.get_type(type_name)
        assert isinstance(named, GraphQLObjectType)  # noqa: S101 - callers name object types only
        return named

    def _need(self, target: GraphQLObjectType, sets: Sequence[SelectionSetNode], *, scope: str = "") -> Need:
        source = _source(target)
        columns: set[str] = set(_all_columns(target)) if source.reference else set()
        branches: dict[str, Branch] = {}
        for key, nodes in self._collect(target, sets).items():
            name = nodes[0].name.value
            if name.startswith("__"):
                continue
            declaration = _declaration(target, name)
            if declaration.column is not None:
                columns.add(declaration.column)
            if declaration.currency is not None and self._wants_currency(target, nodes):
                branch = _currency_branch(declaration.currency, source)
                branches[branch.name] = branch
            if declaration.link is not None:
                branches[key] = self._branch(target, f"{scope}{key}", nodes, declaration)
            branches |= {each.name: self.record_branches.get(each.name, each) for each in declaration.branches}
            if declaration.figures:
                need = self._figures_of(target, nodes, prefix=f"{scope}{key}/")
                columns |= need.columns
                branches |= {branch.name: branch for branch in need.branches}
        return Need(source, frozenset(columns), tuple(branches.values()))

    def _figures_of(self, parent: GraphQLObjectType, nodes: Sequence[FieldNode], *, prefix: str) -> Need:
        """What a figure object below a row needs of it; of the records of other companies, when those are asked for."""
        definition = parent.fields[nodes[0].name.value]
        named = get_named_type(definition.type)
        assert isinstance(named, GraphQLObjectType)  # noqa: S101 - figures are objects
        arguments = get_argument_values(definition, nodes[0], self._variables)
        plan = figure_plan(named)
        assert plan is not None, f"{named.name} has no plan"  # noqa: S101 - a test walks the schema
        elsewhere = [each for each in plan.companies(arguments) if each is not None]
        if not elsewhere:
            return self._figures(named, nodes, arguments, prefix=prefix)
        need = self._figures(named, nodes, arguments, prefix="")
        assert plan.source.mapping is not None  # noqa: S101 - what is coupled can be found in other companies
        branches = [
            Branch(company_branch(prefix, company), InCompany(plan.source.mapping, company), need)
            for company in elsewhere
        ]
        return Need(plan.source, frozenset(), tuple(branches))

    def _figures(
        self, target: GraphQLObjectType, nodes: Sequence[FieldNode], arguments: Mapping[str, Any], *, prefix: str
    ) -> Need:
        """The columns and branches a figure object is made of; its branches are named below ``prefix``."""
        plan = figure_plan(target)
        assert plan is not None, f"{target.name} has no plan"  # noqa: S101 - a test walks the schema
        wanted = _Wanted(set(plan.columns))
        self._want(target, _selection_sets(nodes), prefix, wanted)
        asked = Asked(arguments, self.setting)
        wanted.feeds |= plan.always(asked)
        branches = dict(wanted.branches)
        for name in sorted(wanted.feeds):
            for branch_name, (link, need) in plan.feeds[name](asked).items():
                branches[feed_branch(prefix, branch_name)] = Branch(feed_branch(prefix, branch_name), link, need)
        if wanted.currency:
            branch = _currency_branch(plan.currency, plan.source)
            branches[branch.name] = branch
        return Need(plan.source, frozenset(wanted.columns), tuple(branches.values()))

    def _want(
        self, target: GraphQLObjectType, sets: Sequence[SelectionSetNode], prefix: str, wanted: "_Wanted"
    ) -> None:
        for key, nodes in self._collect(target, sets).items():
            name = nodes[0].name.value
            if name.startswith("__"):
                continue
            definition = target.fields[name]
            wanted.currency |= name == "currencyCode"
            declaration = declaration_of(strawberry_field(definition))
            if declaration is not None:
                wanted.columns |= declaration.columns
                wanted.feeds |= declaration.feeds
            named = get_named_type(definition.type)
            if declaration is not None and declaration.same_row:
                assert isinstance(named, GraphQLObjectType)  # noqa: S101 - a record
                need = self._need(named, _selection_sets(nodes), scope=f"{prefix}{key}/")
                wanted.columns |= need.columns
                wanted.branches |= {branch.name: branch for branch in need.branches}
            elif isinstance(named, GraphQLObjectType):
                self._want(named, _selection_sets(nodes), f"{prefix}{key}/", wanted)

    def _branch(
        self, parent: GraphQLObjectType, key: str, nodes: Sequence[FieldNode], declaration: Declaration
    ) -> Branch:
        field = parent.fields[nodes[0].name.value]
        named = get_named_type(field.type)
        assert isinstance(named, GraphQLObjectType)  # noqa: S101 - links lead to object types
        assert declaration.link is not None  # noqa: S101 - the caller looked
        if not declaration.paged:
            return Branch(key, declaration.link, self._need(named, _selection_sets(nodes)))
        arguments = get_argument_values(field, nodes[0], self._variables)
        count = "totalCount" in self._names(named, _selection_sets(nodes))
        window = self.window(arguments["first"], arguments.get("after"), count=count)
        return Branch(key, declaration.link, self._rows(named, nodes), window)

    def _rows(self, connection: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Need:
        """What a connection wants of its rows: everything below ``nodes`` and ``edges.node``, each in a scope of its own.

        The two are different places of the answer: the same response key may mean another field there.
        """
        target = get_named_type(connection.fields["nodes"].type)
        edge = get_named_type(connection.fields["edges"].type)
        assert isinstance(target, GraphQLObjectType)  # noqa: S101 - a connection of rows
        assert isinstance(edge, GraphQLObjectType)  # noqa: S101 - Relay's shape
        needs = [self._need(target, [])]
        for key, found in self._collect(connection, _selection_sets(nodes)).items():
            if found[0].name.value == "nodes":
                needs.append(self._need(target, _selection_sets(found), scope=nodes_scope(key)))
            elif found[0].name.value == "edges":
                for node_key, same in self._collect(edge, _selection_sets(found)).items():
                    if same[0].name.value == "node":
                        needs.append(self._need(target, _selection_sets(same), scope=edge_scope(key, node_key)))
        branches = {branch.name: branch for need in needs for branch in need.branches}
        columns = frozenset[str]().union(*(need.columns for need in needs))
        return Need(needs[0].source, columns, tuple(branches.values()))

    def _wants_currency(self, target: GraphQLObjectType, nodes: Sequence[FieldNode]) -> bool:
        money = get_named_type(target.fields[nodes[0].name.value].type)
        assert isinstance(money, GraphQLObjectType)  # noqa: S101 - amounts are Money
        return "currencyCode" in self._names(money, _selection_sets(nodes))

    def _names(self, target: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> set[str]:
        return {nodes[0].name.value for nodes in self._collect(target, sets).values()}

    def _collect(self, target: GraphQLObjectType, sets: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The selected fields that the caller may see, by response key; the same key selected twice is one field."""
        collected: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        waiting = list(reversed(list(sets)))
        while waiting:
            for node in waiting.pop().selections:
                if not self._included(node):
                    continue
                if isinstance(node, FieldNode):
                    key = node.alias.value if node.alias else node.name.value
                    collected.setdefault(key, []).append(node)
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition.name.value if node.type_condition else None
                    if condition is None or self._applies(condition, target):
                        waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                    seen.add(node.name.value)
                    fragment = self.info.fragments[node.name.value]
                    definition = getattr(fragment, "definition", fragment)
                    if self._applies(definition.type_condition.name.value, target):
                        waiting.append(definition.selection_set)
        return {key: nodes for key, nodes in collected.items() if may(target, nodes[0].name.value, self.roles)}

    def _included(self, node: Any) -> bool:
        if not node.directives:
            return True
        variables = self._variables
        skip = get_directive_values(GraphQLSkipDirective, node, variables)
        include = get_directive_values(GraphQLIncludeDirective, node, variables)
        return not (skip and skip["if"]) and (include is None or bool(include["if"]))

    def _applies(self, condition: str, target: GraphQLObjectType) -> bool:
        kind = self.info.schema.get_type(condition)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return self.info.schema.is_sub_type(kind, target)
        return condition == target.name


def selection_of(info: Any) -> Selection:
    """The selection of the field that is being resolved; ``info`` is Strawberry's, over our context."""
    context = info.context
    services = context.services
    if info._raw_info.path.prev is None:
        context.budget.note(info._raw_info.field_name, BESIDE.get(info._raw_info.field_name, 0))
    return Selection(
        info._raw_info, context.caller.roles, services.max_page_size, context.setting, services.record_branches
    )


@dataclass(slots=True)
class _Wanted:
    """What was found of a figure object so far."""

    columns: set[str]
    feeds: set[str] = dataclass_field(default_factory=set)
    branches: dict[str, Branch] = dataclass_field(default_factory=dict)
    currency: bool = False


def _selection_sets(nodes: Iterable[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set is not None]


def _is_plain(target: GraphQLObjectType) -> bool:
    """No type over rows, which has a plan of its own."""
    return not hasattr(target.extensions[DEFINITION].origin, "source")


def _declaration(target: GraphQLObjectType, name: str) -> Declaration:
    declaration = declaration_of(strawberry_field(target.fields[name]))
    assert declaration is not None, f"{target.name}.{name} declares nothing"  # noqa: S101 - a test walks the schema
    return declaration


def _source(target: GraphQLObjectType) -> Source:
    origin = target.extensions[DEFINITION].origin
    source = origin.source
    assert isinstance(source, Source)  # noqa: S101 - row types have one
    return source


def _all_columns(target: GraphQLObjectType) -> Iterable[str]:
    """Every column a type declares: the rows of reference sets are read whole, so that they serve the next question too."""
    for field in target.fields.values():
        found = strawberry_field(field)
        if isinstance(found, RowField) and found.plain.declaration.column is not None:
            yield found.plain.declaration.column


def _currency_branch(currency: Link, source: Source) -> Branch:
    name = CURRENCY_BRANCH[type(currency)]
    if isinstance(currency, LocalCurrency | BaseCurrency):
        return Branch(name, currency, Need(source))
    return Branch(name, currency, Need(CURRENCIES, frozenset({"isocurrencycode"})))
