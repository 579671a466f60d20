"""The closed sets of mappings that administrators change, as the schema shows them. Import them from here."""

from gateway.runs.conditions import Comparing, ValueType
from gateway.sync.mapping import Kind
from gateway.sync.transforms import Transform
from schema.enums import show_enum

show_enum(
    Comparing,
    "How a filter compares a column. Both systems compare texts without regard to case.",
    {
        Comparing.EQUALS: "It has this value.",
        Comparing.NOT_EQUALS: "It has another value, or none.",
        Comparing.GREATER_THAN: "It is more, or later.",
        Comparing.AT_LEAST: "It is this or more.",
        Comparing.LESS_THAN: "It is less, or earlier.",
        Comparing.AT_MOST: "It is this or less.",
        Comparing.CONTAINS: "It has this text somewhere.",
        Comparing.STARTS_WITH: "It begins with this text.",
        Comparing.ENDS_WITH: "It ends with this text.",
        Comparing.ONE_OF: "It has one of these values.",
        Comparing.BLANK: "Nothing is there.",
        Comparing.NOT_BLANK: "Something is there.",
    },
    name="MappingFilterOperator",
)
show_enum(
    ValueType,
    "What the values of a condition are.",
    {
        ValueType.TEXT: "Texts, also the members of an enumeration of Business Central.",
        ValueType.NUMBER: "Numbers, such as `1.5`; also the options of a choice of CRM.",
        ValueType.BOOLEAN: "`true` or `false`.",
        ValueType.DATE: "Days, such as `2026-01-31`.",
        ValueType.ID: "Ids of records; a look-up of CRM is compared by its column `_…_value`.",
    },
    name="MappingFilterValueType",
)
show_enum(
    Transform,
    "What a rule makes of a text. A blank stays blank.",
    {
        Transform.UPPERCASE: "All letters are capitals.",
        Transform.LOWERCASE: "No letter is a capital.",
        Transform.TITLE_CASE: "Each word begins with a capital.",
        Transform.TRIM: "Blanks at both ends go.",
        Transform.ALPHANUMERIC: "Only letters and digits stay.",
        Transform.SUBSTRING: "The part from `start`, `length` characters or to the end.",
        Transform.REPLACE: "`find` becomes `text`, wherever it is.",
        Transform.REGEX_REPLACE: "What the pattern `find` matches becomes `text`, in which `$1` is its first group.",
        Transform.REGEX_MATCH: "What the pattern `find` matches first stays; nothing, where it matches nowhere.",
        Transform.PREFIX: "`text` is put in front, unless it is there.",
        Transform.LOOKUP: "A text of `table` becomes its partner; another one stays, or becomes `text` with `others`.",
    },
    name="TransformationKind",
)
show_enum(
    Kind,
    "What the value of a mapped field is.",
    {
        Kind.NAME: "A name.",
        Kind.TEXT: "A text.",
        Kind.CODE: "A code: compared without regard to case.",
        Kind.EMAIL: "An e-mail address.",
        Kind.PHONE: "A telephone number.",
        Kind.WEB: "The address of a web page.",
        Kind.DECIMAL: "A number.",
        Kind.DATE: "A day.",
        Kind.BOOLEAN: "Yes or no.",
        Kind.LOOKUP: "Another record, translated through its coupling.",
    },
    name="MappedFieldKind",
)

FilterOperator = Comparing
FilterValueType = ValueType
FieldKind = Kind
TransformationKind = Transform

__all__ = ["FieldKind", "FilterOperator", "FilterValueType", "TransformationKind"]
