"""The tour in the classic notebook, as a newcomer works through it: run all, look, interrupt, complete, restart and run all again."""
import os
import re
import shutil
import sys
import tempfile

NOTEBOOK, LIBRARY = sys.argv[1], sys.argv[2]
sys.path.insert(0, sys.argv[3])
from browser import Notebook  # noqa: E402: beside the kernel's own tests

TRANSLATES, FIGURE = "model.Translate(", "Plots.Amplitude("
FEW = "Translate(scene.Satellite, new TranslateRecipe { Seed = seed, Steps = 4 })"


def cell_of(page, text):
    return page.js(f"Jupyter.notebook.get_cells().findIndex(c => c.cell_type === 'code' && c.get_text().includes({text!r}))")


with tempfile.TemporaryDirectory(prefix="tour-") as folder:
    path = os.path.join(folder, "tour.ipynb")
    shutil.copy(NOTEBOOK, path)
    # The copies lie elsewhere, and few steps are enough here.
    with open(os.path.join(os.path.dirname(NOTEBOOK), "kit.csx")) as kit, open(os.path.join(folder, "kit.csx"), "w") as copy:
        copy.write(re.sub('#r "[^"]+"', f'#r "{LIBRARY}"', kit.read()))
    page = Notebook(path)
    try:
        page.js("Jupyter.notebook.clear_all_output(); 0")
        code = page.js("Jupyter.notebook.get_cells().map((c, i) => c.cell_type === 'code' ? i : -1).filter(i => i >= 0)")
        translates, figure, last = cell_of(page, TRANSLATES), cell_of(page, FIGURE), code[-1]

        # With all its steps it runs long enough to be looked at and interrupted.
        page.menu("run-all-cells")
        bar = f"Jupyter.notebook.get_cell({translates}).element.find('.output progress')"
        page.wait(f"{bar}.length", 300)  # Progress shows while the cell runs.
        page.wait(f"(v => v > 0 && v < 1)({bar}.val())", 120)
        page.click("button[data-jupyter-action='jupyter-notebook:interrupt-kernel']")
        page.done(translates, shows="Interrupted")
        page.wait("!Jupyter.notebook.kernel_busy")
        page.js(f"(c => c.set_text(c.get_text().replace('Translate(scene.Satellite, seed)', '{FEW}')))(Jupyter.notebook.get_cell({translates})); 0")
        assert FEW in page.js(f"Jupyter.notebook.get_cell({translates}).get_text()")

        page.menu("run-all-cells")
        page.done(last, 600)
        assert page.js("document.querySelectorAll('.output_error').length") == 0, page.js("document.querySelector('.output_error').textContent")
        assert "done in" in page.output(translates)
        assert page.wait(f"[...document.querySelectorAll('.output img')].filter(i => i.complete && i.naturalWidth > 100).length >= 6")
        # The figure is drawn by plotly.js: it answers to the mouse.
        plot = f"Jupyter.notebook.get_cell({figure}).element.find('.output .js-plotly-plot')[0]"
        page.wait(f"{plot} && {plot}.querySelectorAll('.scatterlayer .trace').length === 5")
        page.js(f"{plot}.scrollIntoView({{block: 'center'}}); 0")
        point = page.js(f"(p => {{ const r = p.querySelector('.nsewdrag').getBoundingClientRect(), d = p.calcdata[0][40], l = p._fullLayout; "
                        f"return {{x: r.x + l.xaxis.c2p(d.x), y: r.y + l.yaxis.c2p(d.y)}}; }})({plot})")
        page.call("Input.dispatchMouseEvent", type="mouseMoved", **point)
        page.wait(f"{plot}.querySelectorAll('.hoverlayer .hovertext').length > 0")

        page.js(f"Jupyter.notebook.insert_cell_below('code', {last}); 0")
        page.edit(last + 1)
        page.write(last + 1, "Translator.")
        page.tab(last + 1, "(document.querySelector('#complete select')?.textContent ?? '').includes('Load')")
        page.key("Escape", 27)
        page.js(f"Jupyter.notebook.delete_cell({last + 1}); 0")

        page.js("Jupyter.notebook.kernel.restart(); 0")
        page.wait("Jupyter.notebook.kernel.is_connected() && !Jupyter.notebook.kernel_busy")
        page.js("Jupyter.notebook.clear_all_output(); 0")
        page.menu("run-all-cells")
        page.done(last, 600)
        assert page.js("document.querySelectorAll('.output_error').length") == 0
        assert page.errors == [], page.errors
    except BaseException:
        if directory := os.environ.get("SARSYNTH_SCREENSHOTS"):
            page.screenshot(os.path.join(directory, "tour.png"), 3000)
        raise
    finally:
        page.close()
