// The submissions that later cells build on, and their state objects. What no later cell can name leaves the chain, so
// that a cell that runs again and again, or declares nothing, costs no memory, and values that
// were declared anew are freed.
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SarSynth.Kernel.Execution;

/// <summary>A submission in the chain.</summary>
/// <param name="Slot">Where its state object is; 0 where it has no code.</param>
/// <param name="Slots">How many slots it and those before it take.</param>
/// <param name="Variables">The variables that it declares.</param>
/// <param name="OnlyVariables">Whether it has no functions, properties or types, and no directives.</param>
internal sealed record Link(CSharpCompilation Compilation, Link? Previous, int Slot, int Slots,
    IReadOnlyCollection<string> Variables, bool OnlyVariables);

/// <summary>What a compiled cell leaves behind.</summary>
internal enum Legacy
{
    /// <summary>Nothing that a later cell could name.</summary>
    None,

    /// <summary>Variables, and nothing else.</summary>
    Variables,

    /// <summary>Functions, types, usings or references too.</summary>
    All,
}

/// <summary>The chain of a session; its users hold the session's lock.</summary>
internal sealed class SessionChain
{
    private readonly Dictionary<string, (object State, FieldInfo Field)> _owned = new(StringComparer.Ordinal);
    private readonly List<string> _ownedInOrder = [];

    /// <summary>The last submission.</summary>
    internal Link? Last { get; set; }

    /// <summary>The array that the compiler's code puts state objects into.</summary>
    internal object?[] States { get; private set; } = new object?[16];

    /// <summary>
    /// The link that a cell builds on: the last one that declares something which the cell does not declare anew.
    /// </summary>
    internal Link? Before(CompilationUnitSyntax cell)
    {
        if (Last is not { OnlyVariables: true, Slot: > 1 })
            return Last;
        var names = cell.Members.OfType<FieldDeclarationSyntax>().SelectMany(f => f.Declaration.Variables)
            .Select(v => v.Identifier.ValueText).ToHashSet();
        var link = Last;
        while (link is { OnlyVariables: true, Slot: > 1 } && link.Variables.All(names.Contains))
            link = link.Previous;
        return link;
    }

    /// <summary>What a compiled cell leaves behind.</summary>
    /// <param name="makesTypes">
    /// Whether the compiler made types in it that later cells share (of anonymous objects and delegates).
    /// </param>
    internal static Legacy Of(CSharpCompilation compilation, CompilationUnitSyntax cell, bool makesTypes)
    {
        if (makesTypes || cell.Usings.Count > 0 || cell.Externs.Count > 0 || cell.ContainsDirectives)
            return Legacy.All;
        var declared = compilation.ScriptClass!.GetMembers().Where(m => !m.IsImplicitlyDeclared).ToList();
        return declared.Count == 0 ? Legacy.None : declared.TrueForAll(m => m is IFieldSymbol) ? Legacy.Variables
            : Legacy.All;
    }

    /// <summary>Makes room for a slot.</summary>
    internal void Reserve(int slot)
    {
        if (slot >= States.Length)
        {
            var larger = new object?[States.Length * 2];
            States.CopyTo(larger, 0);
            States = larger;
        }
    }

    /// <summary>The variables of a state object.</summary>
    internal static IEnumerable<FieldInfo> Fields(Type submission) =>
        submission.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(f => !f.Name.StartsWith('<'));

    /// <summary>
    /// The variables of the session, the latest of each name; all, or those of the <paramref name="names"/>.
    /// </summary>
    internal Dictionary<string, (object State, FieldInfo Field)> Variables(IReadOnlySet<string>? names = null)
    {
        var found = new Dictionary<string, (object, FieldInfo)>(StringComparer.Ordinal);
        for (var link = Last; link is not null; link = link.Previous)
            if (link.Slot > 0 && (names is null || names.Overlaps(link.Variables)) && States[link.Slot] is { } state)
                foreach (var field in Fields(state.GetType()))
                    if (names is null || names.Contains(field.Name))
                        found.TryAdd(field.Name, (state, field));
        return found;
    }

    /// <summary>
    /// Frees the state objects of which every variable is hidden by a later one of the
    /// same name; the names of their submissions.
    /// </summary>
    internal IReadOnlyList<string> Forget()
    {
        var forgotten = new List<string>();
        var hidden = new HashSet<string>(StringComparer.Ordinal);
        for (var link = Last; link is not null; link = link.Previous)
        {
            if (link is { OnlyVariables: true, Slot: > 0 } && States[link.Slot] is not null
                && link.Variables.All(hidden.Contains))
            {
                States[link.Slot] = null;
                forgotten.Add(link.Compilation.AssemblyName!);
            }
            hidden.UnionWith(link.Variables);
        }
        return forgotten;
    }

    /// <summary>Ties the life of variables to the session's.</summary>
    internal void Own(object state, IEnumerable<string> names)
    {
        foreach (var name in names)
            if (state.GetType()
                .GetField(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic) is { } field)
            {
                _owned[name] = (state, field);
                _ownedInOrder.Add(name);
            }
    }

    /// <summary>
    /// Takes the owned variables of these names out (all where null), the latest first, with their values.
    /// </summary>
    internal IReadOnlyList<(string Name, object? Value)> Disown(IReadOnlyCollection<string>? names)
    {
        var taken = new List<(string, object?)>();
        for (var i = _ownedInOrder.Count - 1; i >= 0; i--)
        {
            var name = _ownedInOrder[i];
            if (names is not null && !names.Contains(name))
                continue;
            _ownedInOrder.RemoveAt(i);
            if (_owned.Remove(name, out var variable))
                taken.Add((name, variable.Field.GetValue(variable.State)));
        }
        return taken;
    }
}
