# What a terminal was sent, lines of text with colours, as a picture. Knows bold and the 16 colours; other escape sequences are left out.

BEGIN {
    cellWidth = 7.8; lineHeight = 17; fontSize = 13; columns = 100; padding = 16; bar = 30
    split("#4d5566 #f07178 #98c379 #e5c07b #61afef #c678dd #56b6c2 #d7dae0", palette, " ")
    foreground = "#d7dae0"; background = "#1b1f27"
    plain()
}

{
    gsub(/\033\[\?[0-9;]*[a-zA-Z]/, ""); gsub(/\033[=>]/, ""); gsub(/\033\([A-Z]/, "")
    out = ""
    rest = $0
    while (match(rest, /\033\[[0-9;]*[a-zA-Z]/)) {
        out = out piece(substr(rest, 1, RSTART - 1))
        code = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (code ~ /m$/) style(substr(code, 3, length(code) - 3))
    }
    lines[++count] = out piece(rest)
}

END {
    width = columns * cellWidth + 2 * padding
    height = bar + count * lineHeight + padding
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height
    print "<title>A terminal session with the command line varve</title>"
    printf "<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"%s\"/>\n", background
    for (i = 0; i < 3; i++) {
        light = palette[i == 0 ? 2 : i == 1 ? 4 : 3]
        printf "<circle cx=\"%d\" cy=\"16\" r=\"5\" fill=\"%s\"/>\n", padding + 5 + i * 18, light
    }

    fonts = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    printf "<g font-family=\"%s\" font-size=\"%d\" fill=\"%s\" style=\"white-space:pre\" xml:space=\"preserve\">\n", fonts, fontSize, foreground
    for (i = 1; i <= count; i++) if (lines[i] != "") printf "<text x=\"%d\" y=\"%d\">%s</text>\n", padding, bar + i * lineHeight, lines[i]
    print "</g>\n</svg>"
}

function plain() { bold = 0; color = "" }

function style(codes,    parts, n, i) {
    n = split(codes, parts, ";")
    if (n == 0) plain()
    for (i = 1; i <= n; i++) {
        if (parts[i] + 0 == 0) plain()
        else if (parts[i] == 1) bold = 1
        else if (parts[i] == 38 && parts[i + 1] == 5) { color = palette[parts[i + 2] % 8 + 1]; i += 2 }
        else if (parts[i] >= 30 && parts[i] <= 37) color = palette[parts[i] - 29]
        else if (parts[i] >= 90 && parts[i] <= 97) color = palette[parts[i] - 89]
        else if (parts[i] == 39) color = ""
    }
}

function piece(text) {
    if (text == "") return ""
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
    if (!bold && color == "") return text
    return "<tspan" (bold ? " font-weight=\"bold\"" : "") (color == "" ? "" : " fill=\"" color "\"") ">" text "</tspan>"
}
