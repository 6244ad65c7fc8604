"""The classic notebook in Chromium, as a person uses it: run all, complete, inspect, pictures, widgets, interrupt, restart."""
import json
import os
import tempfile
import time
import unittest

from browser import PATIENCE, Notebook

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# plotly.js where the kit's set-up has put it; the kernel knows nothing of it.
PLOTLY = os.environ.get("SARSYNTH_PLOTLY", "")
CELLS = [
    "var greeting = \"hello\"; int kept = 20;\ngreeting.ToUpper()",
    "new[] { new { Name = \"a<b\", N = 1 }, new { Name = \"c\", N = 2 } }",
    f"display(Image(Convert.FromBase64String(\"{PNG}\")));",
    "display(HTML(\"<div id='plot' style='height:300px'></div><script>\" + File.ReadAllText(Environment.GetEnvironmentVariable(\"SARSYNTH_PLOTLY\"))\n"
    "    + \"\\nPlotly.newPlot('plot', [{ x: [1, 2, 3], y: [2, 6, 3], type: 'scatter' }], { title: { text: 'drawn by plotly' } });</script>\"));",
    "#!javascript\nelement.append('<b id=\"script\">' + (6 * 7) + '</b>')",
    "var bar = new ProgressBar(max: 10, description: \"work\");\nvar slider = new Slider(0, 100, 25, \"level\");\n"
    "var chosen = display(\"nothing chosen\");\nslider.ValueChanged += v => chosen.Update($\"chosen: {Math.Round(v)}\");\ndisplay(bar); slider",
    "for (int i = 1; !File.Exists(ENOUGH); i = i % 9 + 1) { bar.Value = i; await Task.Delay(150); }\nbar.Value = 10;",
    "Console.WriteLine(\"begun\");\nwhile (true) { }",
    "kept += 1; kept",
    "",
    "var name = Console.ReadLine(); $\"you said {name}\"",
    "throw new InvalidOperationException(\"shown in red\");",
]
TABLE, IMAGE, PLOT, SCRIPT, WIDGETS, MOVES, ENDLESS, AFTER, EMPTY, ASKS, FAILS = range(1, 12)


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="notebook-")
        path, cls.enough = os.path.join(cls.folder.name, "small.ipynb"), os.path.join(cls.folder.name, "enough")
        with open(path, "w") as f:
            json.dump({"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": {"name": ".net-csharp", "display_name": ".NET (C#)", "language": "C#"}},
                       "cells": [{"cell_type": "code", "metadata": {}, "source": c.replace("ENOUGH", json.dumps(cls.enough)), "outputs": [], "execution_count": None} for c in CELLS]}, f)
        cls.page = Notebook(path)

    @classmethod
    def tearDownClass(cls):
        if directory := os.environ.get("SARSYNTH_SCREENSHOTS"):
            cls.page.screenshot(os.path.join(directory, "notebook.png"), 3000)
        cls.page.close()
        cls.folder.cleanup()

    def test_1_cells_show_what_they_make(self):
        page = self.page
        for i in (0, TABLE, IMAGE, SCRIPT):
            page.run(i)
        page.done(0, shows="HELLO")
        self.assertEqual(page.wait("document.querySelectorAll('.output table tr').length"), 3)
        page.done(TABLE, shows="a<b")
        self.assertTrue(page.wait("[...document.querySelectorAll('.output img')].some(i => i.complete && i.naturalWidth === 1)"))
        self.assertEqual(page.wait("document.querySelector('#script')?.textContent"), "42")

    def test_2_a_plot_of_plotly(self):
        if not os.path.isfile(PLOTLY):
            self.skipTest("plotly.min.js is not there")
        page = self.page
        page.run(PLOT)
        page.done(PLOT)
        self.assertEqual(page.wait("document.querySelector('#plot .gtitle')?.textContent"), "drawn by plotly")
        self.assertGreater(page.js("document.querySelector('#plot .scatterlayer path.js-line').getTotalLength()"), 100)

    def test_3_widgets_move(self):
        page = self.page
        page.run(WIDGETS)
        page.done(WIDGETS)
        page.wait("document.querySelector('.output input[type=range]')?.bound")
        self.assertEqual(page.js("[document.querySelector('.output meter').value, document.querySelector('.output input[type=range]').value].join()"), "0,25")
        page.run(MOVES)
        seen, end = set(), time.time() + PATIENCE
        while len(seen) < 5 and time.time() < end:  # Moves while the cell runs, which it does until enough was seen.
            seen.add(page.js("document.querySelector('.output meter').value"))
        self.assertGreater(len(seen), 4, seen)
        open(self.enough, "w").close()
        page.done(MOVES)
        page.wait("document.querySelector('.output meter').value === 10")
        page.click(".output input[type=range]")
        self.assertRegex(page.wait(f"(t => t.includes('chosen') && !t.includes('nothing') && t)(Jupyter.notebook.get_cell({WIDGETS}).element.find('.output').text())"),
                         r"chosen: (49|50|51)")

    def test_4_interrupt_and_go_on(self):
        page = self.page
        page.run(ENDLESS)
        page.wait(f"Jupyter.notebook.get_cell({ENDLESS}).element.find('.output').text().includes('begun')")
        page.click("button[data-jupyter-action='jupyter-notebook:interrupt-kernel']")
        page.done(ENDLESS, shows="Interrupted")
        page.run(AFTER)
        page.done(AFTER, shows="21")

    def test_5_completion_and_tooltip(self):
        page = self.page
        page.wait("!Jupyter.notebook.kernel_busy")
        page.edit(EMPTY)
        text = f"Jupyter.notebook.get_cell({EMPTY}).get_text()"
        page.write(EMPTY, "Console.WriteL")
        # There is one: it is put in.
        self.assertEqual(page.tab(EMPTY, f"{text} !== 'Console.WriteL' && {text}"), "Console.WriteLine")
        page.write(EMPTY, "(gre")
        self.assertEqual(page.tab(EMPTY, f"{text}.endsWith('greeting') && {text}"), "Console.WriteLine(greeting")
        page.write(EMPTY, "); greeting.To")
        # There are several: a list.
        page.tab(EMPTY, "document.querySelector('#complete select')?.textContent.includes('ToUpper')")
        page.key("Escape", 27)
        page.wait("document.querySelector('#complete') === null")
        page.js(f"Jupyter.notebook.get_cell({EMPTY}).set_text('Math.Max(1, 2)'); Jupyter.notebook.get_cell({EMPTY}).code_mirror.setCursor(0, 6); 0")
        page.edit(EMPTY)
        self.assertIn("Math.Max(", page.tab(EMPTY, "(e => e && e.offsetHeight > 0 && e.textContent.includes('Max') && e.textContent)"
                                                   "(document.querySelector('#tooltip'))", modifiers=8))
        page.key("Escape", 27)

    def test_6_input_and_errors(self):
        page = self.page
        page.run(ASKS)
        page.wait("document.querySelector('.raw_input')")
        page.js("document.querySelector('.raw_input').focus(); 0")
        page.type("a name")
        page.key("Enter", 13, text="\r")
        page.done(ASKS, shows="you said a name")
        page.run(FAILS)
        page.done(FAILS, shows="shown in red")
        self.assertTrue(page.js(f"Jupyter.notebook.get_cell({FAILS}).element.find('.output_error .ansi-red-fg').length > 0"))

    def test_7_restart_and_run_all(self):
        page = self.page
        page.js(f"Jupyter.notebook.get_cell({EMPTY}).set_text(''); [{ENDLESS}, {ASKS}, {FAILS}].forEach(i => Jupyter.notebook.get_cell(i).set_text('1 + ' + i)); 0")
        if not os.path.isfile(PLOTLY):
            page.js(f"Jupyter.notebook.get_cell({PLOT}).set_text(''); 0")
        page.js("Jupyter.notebook.kernel.restart(); 0")
        page.wait("Jupyter.notebook.kernel.is_connected() && !Jupyter.notebook.kernel_busy")
        page.run(AFTER)
        page.done(AFTER, shows="CS0103")  # The variable is gone.
        page.menu("run-all-cells")
        page.done(FAILS, shows=str(1 + FAILS))
        self.assertIn("21", page.output(AFTER))
        self.assertEqual(page.errors, [])


if __name__ == "__main__":
    unittest.main()
