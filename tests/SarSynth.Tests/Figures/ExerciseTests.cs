// What readers get to hear of their answers.
using SarSynth.Figures;

namespace SarSynth.Tests.Figures;

public class ExerciseTests
{
    [Theory]
    [InlineData(null, null, "Exercise 1: looks: your turn. Put an answer in and run the cell.")]
    [InlineData(4.05, true, "Exercise 1: looks: right.")]
    [InlineData(4.2, false, "Exercise 1: looks: not yet. 4.2 is not it. Count them.")]
    [InlineData(double.NaN, false, "Exercise 1: looks: not yet. NaN is not it. Count them.")]
    public void Numbers_are_right_within_what_is_allowed(double? answer, bool? right, string words)
    {
        var exercise = Exercise.Number("1: looks", answer, 4, 0.1, "Count them.");
        Assert.Equal(right, exercise.IsRight);
        Assert.Equal(words, exercise.ToString());
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData(" Floor ", true)]
    [InlineData("lee", false)]
    public void Names_are_right_in_any_case(string? answer, bool? right)
    {
        var exercise = Exercise.Choice("1: nearest", answer, "floor", "The first row.");
        Assert.Equal(right, exercise.IsRight);
        Assert.Equal(right == false, exercise.ToString().Contains("The first row."));
    }

    [Fact]
    public void A_question_without_an_answer_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Exercise.Number("1", 2, double.NaN, 0.1, ""));
        Assert.Throws<ArgumentException>(() => Exercise.Number("1", 2, 1, -1, ""));
        Assert.Throws<ArgumentException>(() => Exercise.Choice("1", "a", " ", ""));
    }

    [Fact]
    public void What_a_reader_wrote_cannot_break_the_page() =>
        Assert.DoesNotContain("<b>", Exercise.Choice("1", "<b>", "a", "").ToHtml());
}
