import QtQuick

// Text of several lines.
Words {
    wrapMode: Text.WrapAtWordBoundaryOrAnywhere
    elide: Text.ElideNone
    lineHeight: 1.25
}
