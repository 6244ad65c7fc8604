// A kernel as Microsoft.DotNet.Interactive has it, which extensions and cells find as Kernel.Current: its events become
// messages of the running cell. Cells are still compiled and run by the session.
using System.Reflection;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Events;
using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Interactive;

/// <summary>The C# kernel, in a composite kernel as extensions expect it.</summary>
internal sealed class NotebookKernel : Microsoft.DotNet.Interactive.Kernel
{
    private const string KernelName = "csharp";
    private static readonly Lazy<NotebookKernel> Only = new(() => new NotebookKernel());
    private readonly CompositeKernel _root = new("notebook") { DefaultKernelName = KernelName };
    private Func<string, CellError?>? _submit;

    private NotebookKernel()
        : base(KernelName)
    {
        (KernelInfo.LanguageName, KernelInfo.LanguageVersion) = ("C#", "14.0");
        RegisterCommandHandler<RunHere>(static (command, context) => command.Action(context));
        RegisterCommandHandler<SubmitCode>(Submit);
        RegisterCommandHandler<RequestInput>(Ask);
        _root.Add(this, ["C#", "c#"]);
        _root.SetDefaultTargetKernelNameForCommand(typeof(RequestInput), KernelName);
        _root.KernelEvents.Subscribe(new Listener());
    }

    internal static NotebookKernel Instance => Only.Value;

    internal Outcome Run(CellRunner runner, Cell cell, Func<Task<object?>> start)
    {
        Outcome? outcome = null;
        Cell.Current = cell;
        Do(_ =>
        {
            // The cells' thread takes this command's context over.
            var context = ExecutionContext.Capture()!;
            outcome = runner.Run(cell, () =>
            {
                Task<object?>? task = null;
                ExecutionContext.Run(context, _ =>
                {
                    Cell.Current = cell;
                    task = start();
                }, null);
                return task!;
            });
            return Task.CompletedTask;
        });
        Cell.Current = null;
        return outcome ?? new Outcome(null,
            new InvalidOperationException("The command that runs the cell was not handled."));
    }

    internal int LoadExtensions(Assembly assembly, Cell cell, Func<string, CellError?> submit)
    {
        var extensions = assembly.GetExportedTypes()
            .Where(t => typeof(IKernelExtension).IsAssignableFrom(t) && t is { IsAbstract: false, IsInterface: false })
            .ToList();
        Cell.Current = cell;
        _submit = submit;
        try
        {
            foreach (var type in extensions)
                Do(_ => ((IKernelExtension)Activator.CreateInstance(type)!).OnLoadAsync(this));
        }
        finally
        {
            _submit = null;
            Cell.Current = null;
        }
        return extensions.Count;
    }

    private void Do(Func<KernelInvocationContext, Task> action)
    {
        var result = SendAsync(new RunHere(action)).GetAwaiter().GetResult();
        if (result.Events.OfType<CommandFailed>().FirstOrDefault() is { } failed)
            throw failed.Exception ?? new InvalidOperationException(failed.Message);
    }

    private Task Submit(SubmitCode command, KernelInvocationContext context)
    {
        if (_submit is null)
            context.Fail(command, message: "Code is submitted by a package's extension while that is loaded; "
                + "in a cell, write it as code.");
        else if (_submit(command.Code) is { } error)
            context.Fail(command, message: $"{error.Name}: {error.Value}");
        return Task.CompletedTask;
    }

    private static Task Ask(RequestInput command, KernelInvocationContext context)
    {
        context.Publish(new InputProduced(Cell.CurrentOrLast.Input(command.Prompt, command.IsPassword), command));
        return Task.CompletedTask;
    }

    private sealed class RunHere(Func<KernelInvocationContext, Task> action) : KernelCommand(KernelName)
    {
        internal Func<KernelInvocationContext, Task> Action => action;
    }

    private sealed class Listener : IObserver<KernelEvent>
    {
        public void OnNext(KernelEvent value)
        {
            var cell = Cell.CurrentOrLast;
            switch (value)
            {
                case StandardOutputValueProduced output:
                    cell.Write("stdout", Text(output));
                    break;
                case StandardErrorValueProduced error:
                    cell.Write("stderr", Text(error));
                    break;
                case ErrorProduced error:
                    cell.Write("stderr", error.Message + "\n");
                    break;
                case DisplayEvent displayed:
                    cell.Display([.. displayed.FormattedValues.Select(v => new MimeText(v.MimeType, v.Value))],
                        displayed.ValueId ?? Guid.NewGuid().ToString(), update: displayed is DisplayedValueUpdated);
                    break;
            }
        }

        public void OnCompleted() { }

        public void OnError(Exception error) => Log.Write($"Microsoft.DotNet.Interactive: {error.Message}");

        private static string Text(DisplayEvent value) => value.FormattedValues.FirstOrDefault()?.Value ?? "";
    }
}
