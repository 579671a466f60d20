"""The closed sets of schedules, as the schema shows them. Import them from here, so that they are shown only once."""

from gateway.triggers.schedule import Task
from gateway.triggers.silence import Silence
from schema.enums import show_enum

show_enum(
    Task,
    "What a schedule begins.",
    {
        Task.SYNCHRONIZE: "What changed in the tables of a mapping is synchronized.",
        Task.RECONCILE: "Couplings whose record was deleted are found: Business Central does not tell of deletions.",
        Task.STATISTICS: "The statistics of all coupled customers are copied to their accounts, where they differ.",
        Task.STOCK: "The stock of all coupled items is copied to their products, where it differs.",
    },
    name="ScheduleTask",
)
show_enum(
    Silence,
    "Why a schedule is overdue.",
    {
        Silence.NOT_BEGUN: "It is due, and no process begins it.",
        Silence.NOT_TAKEN_UP: "Its run was begun, and no process carries it out.",
        Silence.NO_PROGRESS: "Its run is under way, and no page of it was finished for long.",
        Silence.FAILING: "Its runs fail as a whole, see the last of them.",
    },
    name="ScheduleOverdueReason",
)

ScheduleTask = Task
ScheduleOverdueReason = Silence

__all__ = ["ScheduleOverdueReason", "ScheduleTask"]
