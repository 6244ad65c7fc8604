// The classic notebook asks for this file at every start, with widgets and without, and logs a 404 where it is not.
define({ load_ipython_extension: function () {} });
