import QtQuick

// A thing and how it is.
Item {
    id: fact
    property string name
    property string value
    implicitWidth: 200
    implicitHeight: Math.max(left.implicitHeight, right.implicitHeight)
    Words { id: left; text: fact.name; color: Theme.c.faint; width: fact.width * 0.58; wrapMode: Text.Wrap }
    Words {
        id: right
        x: fact.width - width
        anchors.baseline: left.baseline  // a number and words in another script have other heights
        width: fact.width * 0.4
        text: fact.value
        font.weight: Font.Medium
        horizontalAlignment: Text.AlignRight
        wrapMode: Text.WrapAtWordBoundaryOrAnywhere
    }
}
