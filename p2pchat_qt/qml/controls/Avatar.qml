import QtQuick

// Somebody in a circle: their picture, or letters on a colour that is theirs everywhere.
Rectangle {
    id: avatar
    property string account
    property string letters
    property int colour
    property bool isRoom: false
    property int size: 40
    implicitWidth: size
    implicitHeight: size
    radius: isRoom ? size * 0.28 : size / 2
    color: picture.visible ? "transparent" : Theme.avatars[colour] || Theme.avatars[0]
    Accessible.ignored: true

    Text {
        anchors.centerIn: parent
        visible: !picture.visible
        text: avatar.letters
        textFormat: Text.PlainText
        color: "#ffffff"
        font.pixelSize: Math.round(avatar.size * 0.4)
        font.weight: Font.DemiBold
    }
    Image {
        id: picture
        objectName: "picture-" + avatar.account
        anchors.fill: parent
        visible: status === Image.Ready
        source: avatar.account === "" ? "" : facesView.of(avatar.account, facesView.now.revision)
        sourceSize: Qt.size(avatar.size * Screen.devicePixelRatio, avatar.size * Screen.devicePixelRatio)
    }
}
