import QtQuick

// Somebody in a circle: letters on a colour that is theirs everywhere.
Rectangle {
    id: avatar
    property string letters
    property int colour
    property bool isRoom: false
    property int size: 40
    implicitWidth: size
    implicitHeight: size
    radius: isRoom ? size * 0.28 : size / 2
    color: Theme.avatars[colour] || Theme.avatars[0]
    Accessible.ignored: true

    Text {
        anchors.centerIn: parent
        text: avatar.letters
        textFormat: Text.PlainText
        color: "#ffffff"
        font.pixelSize: Math.round(avatar.size * 0.4)
        font.weight: Font.DemiBold
    }
}
