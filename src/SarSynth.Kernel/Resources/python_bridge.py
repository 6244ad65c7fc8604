# The other end of "#!python": runs the code of JSON lines from stdin in one namespace and answers in JSON lines.
import ast, base64, io, json, os, sys, traceback

answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)  # What C libraries print goes the way of stderr, not into the answers.
scope = {"__name__": "__main__"}


def answer(**message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


class Stream(io.TextIOBase):
    def __init__(self, name):
        self.stream = name

    def writable(self):
        return True

    def write(self, text):
        if text:
            answer(stream=self.stream, text=text)
        return len(text)


def show(value):
    bundle = {"text/plain": repr(value)}
    for mime, method in (("text/html", "_repr_html_"), ("image/svg+xml", "_repr_svg_"), ("image/png", "_repr_png_")):
        represent = getattr(value, method, None)
        content = represent() if callable(represent) and not isinstance(value, type) else None
        if content is not None:
            bundle[mime] = base64.b64encode(content).decode() if isinstance(content, bytes) else content
    answer(display=bundle)


def show_figures():
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        image = io.BytesIO()
        pyplot.figure(number).savefig(image, format="png", bbox_inches="tight")
        answer(display={"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": "<figure>"})
    if pyplot:
        pyplot.close("all")


def run(code, name):
    tree = ast.parse(code, name)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), scope)
    if last is not None:
        value = eval(compile(last, name, "eval"), scope)
        if value is not None:
            show(value)
    show_figures()


sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
os.environ.setdefault("MPLBACKEND", "Agg")
answer(ready=True)
while True:
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        continue
    if not line:
        break
    request = json.loads(line)
    try:
        run(request["code"], request["name"])
        answer(done=True)
    except SystemExit:
        answer(done=True)
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        answer(done=True, ename=type(error).__name__, evalue=str(error), traceback=traceback.format_exc().splitlines())
