"""Class: assignments for students; classes, who takes part and results for teachers."""

from nnlab.ui.classroom.dispatch import classroom
from nnlab.ui.shell.frame import open_page

classroom(open_page("classroom"))
