using System.Globalization;
using System.Net;
using System.Text;

namespace Varve.Workloads.Reporting;

/// <summary>A picture of lines, boxes, dots and words.</summary>
internal sealed class SvgPicture(int width, int height)
{
    private readonly StringBuilder _shapes = new();

    public void Text(double x, double y, string words, string anchor = "start", bool isBold = false)
    {
        string weight = isBold ? "bold" : "normal";
        string escaped = WebUtility.HtmlEncode(words);
        Add($"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\">{escaped}</text>");
    }

    public void Box(double x, double y, double boxWidth, double boxHeight, string color) =>
        Add($"<rect x=\"{x:F1}\" y=\"{y:F1}\" width=\"{Math.Max(0.5, boxWidth):F1}\" height=\"{boxHeight:F1}\" fill=\"{color}\"/>");

    public void Line(double fromX, double fromY, double toX, double toY, string color, double thickness = 1) => Add(
        $"<line x1=\"{fromX:F1}\" y1=\"{fromY:F1}\" x2=\"{toX:F1}\" y2=\"{toY:F1}\" stroke=\"{color}\" stroke-width=\"{thickness}\"/>");

    public void Dot(double x, double y, double radius, string color) =>
        Add($"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"{radius:F1}\" fill=\"{color}\"/>");

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" "
        + $"font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{_shapes}</svg>\n");

    private void Add(FormattableString shape) => _shapes.Append(shape.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
