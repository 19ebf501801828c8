import QtQuick
import "../controls"

// What a message replies to.
Rectangle {
    id: strip
    property var found: ({})
    property bool own: false
    readonly property real wanted: Math.max(name.implicitWidth, words.implicitWidth) + 20
    signal chosen()
    height: name.height + words.height + 8
    radius: 6
    color: Qt.alpha(bar.color, 0.12)
    Rectangle { id: bar; width: 3; height: parent.height; radius: 1.5; color: strip.own ? Theme.c.ownFaint : Theme.names[strip.found.colour || 0] }
    Words {
        id: name
        x: 10
        y: 3
        width: strip.width - 16
        text: strip.found.name || qsTr("Message")
        color: strip.own ? Theme.c.ownFaint : Theme.names[strip.found.colour || 0]
        font.pixelSize: Theme.small
        font.weight: Font.DemiBold
    }
    Words {
        id: words
        x: 10
        anchors.top: name.bottom
        width: strip.width - 16
        text: strip.found.deleted ? qsTr("Message deleted") : strip.found.text || qsTr("Not here yet")
        color: strip.own ? Theme.c.ownText : Theme.c.bubbleText
        font.pixelSize: Theme.px(13)
        maximumLineCount: 1
    }
    TapHandler { onTapped: strip.chosen() }
    HoverHandler { cursorShape: Qt.PointingHandCursor }
}
