// The progress of the kit's long verbs as a notebook shows it: a bar that is updated in its place.
using SarSynth.Data;

namespace SarSynth.Figures;

/// <summary>Shows <see cref="Progress"/> with a <see cref="ProgressView"/> in the running cell.</summary>
public sealed class NotebookProgress : IProgressDisplay
{
    private readonly ProgressView view;
    private readonly Action<object> update;

    private NotebookProgress(string what, Func<object, Action<object>> display)
    {
        view = new ProgressView(what).At(0);
        update = display(view);
    }

    /// <summary>Makes progress show in the cells of this notebook.</summary>
    /// <param name="display">
    /// Shows a value, and gives what replaces it: <c>value =&gt; display(value).Update</c> in a cell.
    /// </param>
    public static void ShowWith(Func<object, Action<object>> display) =>
        Progress.Display = what => new NotebookProgress(what, display);

    /// <inheritdoc/>
    public void At(double share, string note) => update(view.At(share, note));

    /// <inheritdoc/>
    public void End(bool done)
    {
        if (!done)
            update(view.Stopped());
    }
}
