// Code that is written against Microsoft.DotNet.Interactive itself: kernel extensions of packages,
// and cells that name its types. Only such code brings the assembly into the process; NotebookKernel
// is the one file that is compiled against it.
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.DotNet.Interactive.Formatting;
using SarSynth.Kernel.Execution;

namespace SarSynth.Kernel.Interactive;

/// <summary>The way from the kernel to .NET Interactive's own types, without naming them.</summary>
internal static class InteractiveBridge
{
    internal const string AssemblyName = "Microsoft.DotNet.Interactive";

    /// <summary>
    /// As soon as anybody uses the assembly, its listener is taken away that prints displayed values when no command of
    /// its own is being handled: they are shown already.
    /// </summary>
    internal static void Watch() => AppDomain.CurrentDomain.AssemblyLoad += static (_, loaded) =>
    {
        if (loaded.LoadedAssembly.GetName().Name == AssemblyName)
            Quieten(loaded.LoadedAssembly.GetType($"{AssemblyName}.Kernel", throwOnError: true)!);
    };

    /// <summary>
    /// Runs a cell that names the assembly's types, with Kernel.Current, Kernel.Root and an invocation context.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static Outcome Run(CellRunner runner, Cell cell, Func<Task<object?>> start) =>
        NotebookKernel.Instance.Run(runner, cell, start);

    /// <summary>Loads the kernel extensions of an assembly; how many it had.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int LoadExtensions(Assembly assembly, Cell cell, Func<string, CellError?> submit) =>
        NotebookKernel.Instance.LoadExtensions(assembly, cell, submit);

    // By reflection: while an assembly is being loaded, a class of ours that derives from one of its own cannot be.
    private static void Quieten(Type kernel)
    {
        RuntimeHelpers.RunClassConstructor(kernel.TypeHandle);
        var listeners = typeof(Formatter).GetField("OnFormatterEvent", BindingFlags.Static | BindingFlags.NonPublic);
        if (listeners?.GetValue(null) is Delegate all)
            listeners.SetValue(null,
                Delegate.Combine([.. all.GetInvocationList().Where(l => l.Method.DeclaringType != kernel)]));
    }
}
