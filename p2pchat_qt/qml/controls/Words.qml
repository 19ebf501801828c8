import QtQuick

// Text; never markup, whoever wrote it.
Text {
    textFormat: Text.PlainText
    color: Theme.c.text
    font.pixelSize: Theme.normal
    elide: Text.ElideRight
    Accessible.role: Accessible.StaticText
    Accessible.name: text
}
