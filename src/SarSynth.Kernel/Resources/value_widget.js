define({"net.value": function (comm, message) {
  // Widgets for notebook pages without the Jupyter widgets' own scripts: the page's end of the comms to "net.value".
  var widgets = window.netValueWidgets = window.netValueWidgets || {};
  var id = message.content.data.id, value = message.content.data.value;
  function elements() { return document.querySelectorAll('[data-net-value="' + id + '"]'); }
  function show() {
    elements().forEach(function (e) { e.value = value; if (e.nextElementSibling) e.nextElementSibling.textContent = +(+value).toPrecision(6); });
  }
  comm.on_msg(function (m) { value = m.content.data.value; show(); });
  widgets[id] = function () {
    elements().forEach(function (e) {
      if (e.tagName !== 'INPUT' || e.bound) return;
      e.bound = true;
      e.addEventListener('input', function () { value = +e.value; show(); comm.send({value: value}); });
    });
    show();
  };
  widgets[id]();
}});
